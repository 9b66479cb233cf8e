#pragma once
// The client's end of a connection to a rendezvous, whose ends have proved themselves.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "comm/rendezvous/socket.hpp"
#include "comm/rendezvous/wire.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"

namespace convoy::rendezvous {

// How much later than it was asked to an answer may come before the server counts as stuck.
constexpr std::chrono::seconds answer_patience{5};

struct Connection {
  Socket socket;
  Sealer sealer;
  Opener opener;
};

/// Once. Nothing when nobody could be reached, who may be there later; `problem` is why. Throws
/// AuthenticationError.
std::optional<Connection> try_connect(const Endpoint& server, const Secret& secret,
                                      const Patience& patience, std::string& problem);

/// Again and again. Throws TimeoutError, AuthenticationError.
Connection connect(const Endpoint& server, const Secret& secret, std::chrono::milliseconds timeout);

/// Nobody was there.
TimeoutError no_rendezvous(const Endpoint& server, std::chrono::milliseconds timeout,
                           const std::string& problem);

/// False when it could not be sent whole: what follows would not be understood.
bool send_all(const Socket& socket, std::string_view bytes, const Patience& patience);

}  // namespace convoy::rendezvous
