#pragma once
// Messages on ZeroMQ sockets.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "server/keys.hpp"
#include "server/link.hpp"
#include "server/wire.hpp"

namespace convoy::server {

/// What came, or why it is no message.
struct Received {
  std::string from;  ///< a ROUTER's name of the connection; empty elsewhere
  std::string user;  ///< as its key says: "worker" or "server"
  Answer answer;
  std::string problem;
};

/// Until something has come, time is up or a signal was handled.
void wait_for(std::vector<zmq::pollitem_t>& items, std::chrono::milliseconds patience);

/// Nothing when nothing is there. `routed`: the socket is a ROUTER.
std::optional<Received> receive(zmq::socket_t& socket, bool routed);

/// `to`: a ROUTER's name of the connection, or empty. Copies the data.
void send(zmq::socket_t& socket, const std::string& to, const Message& message);
/// The same with the data in a frame that is shared.
void send(zmq::socket_t& socket, const Message& message, zmq::message_t& data);

/// What all of our sockets have in common: sizes, heartbeats, no queue limits on what we send.
void configure(zmq::socket_t& socket);
/// An endpoint that only this host's kernel passes messages to: they need no encryption.
bool is_local(const std::string& endpoint);
/// Makes it the client of a server at this endpoint, with this public key. What a local one is
/// shown is the secret key itself.
void become_client(zmq::socket_t& socket, const CurveKeys& own, const std::string& endpoint,
                   const std::string& server_key);
void become_server(zmq::socket_t& socket, const CurveKeys& own, bool local);

}  // namespace convoy::server
