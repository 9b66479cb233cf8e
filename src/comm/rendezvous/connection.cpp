#include "comm/rendezvous/connection.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace convoy::rendezvous {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Makes `bytes` at least `size` long. False when the peer says no more.
bool receive_until(const Socket& socket, std::string& bytes, std::size_t size,
                   const Patience& patience) {
  while (bytes.size() < size) {
    if (!wait_for(socket.fd(), POLLIN, patience)) return false;
    if (!receive_some(socket, bytes)) return bytes.size() >= size;
  }
  return true;
}

// Proves each end to the other. Nothing when the connection broke: the server may be about to end
// or to start. Throws AuthenticationError.
std::optional<Connection> handshake(Socket socket, const Secret& secret, const std::string& server,
                                    const Patience& patience) {
  const std::string nonce = random_nonce();
  std::string bytes;
  if (!send_all(socket, std::string(magic) + nonce, patience)) return std::nullopt;
  const bool named = receive_until(socket, bytes, magic.size(), patience);
  const std::size_t known = std::min(bytes.size(), magic.size());
  if (bytes.substr(0, known) != magic.substr(0, known))
    throw AuthenticationError(
        fmt::format("{} is no rendezvous of this version of Convoy; is it another service's port, "
                    "or has that host another version?",
                    server));
  if (!named || !receive_until(socket, bytes, hello_size, patience)) return std::nullopt;
  const ConnectionKeys keys =
      derive_keys(secret, nonce, std::string_view(bytes).substr(magic.size(), nonce_size));
  bytes.erase(0, hello_size);
  if (!send_all(socket, keys.client_proof, patience)) return std::nullopt;
  if (!receive_until(socket, bytes, 1, patience)) return std::nullopt;
  if (bytes[0] != accepted)
    throw AuthenticationError(
        fmt::format("rendezvous {} refused us: this worker's secret differs from the job's; give "
                    "every host the same secret",
                    server));
  if (!receive_until(socket, bytes, 1 + proof_size, patience)) return std::nullopt;
  if (!equal(bytes.substr(1, proof_size), keys.server_proof))
    throw AuthenticationError(
        fmt::format("rendezvous {} does not know the job's secret: another program's?", server));
  Opener opener(keys.to_client);
  opener.feed(std::string_view(bytes).substr(1 + proof_size));
  return Connection{std::move(socket), Sealer(keys.to_server), std::move(opener)};
}

}  // namespace

bool send_all(const Socket& socket, std::string_view bytes, const Patience& patience) {
  while (!bytes.empty()) {
    const auto sent = send_some(socket, bytes);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (sent == 0 && !wait_for(socket.fd(), POLLOUT, patience)) return false;
  }
  return true;
}

std::optional<Connection> try_connect(const Endpoint& server, const Secret& secret,
                                      const Patience& patience, std::string& problem) {
  Socket socket = connect_to(server, patience, problem);
  if (!socket) return std::nullopt;
  const Patience short_patience(std::min(patience.deadline, Clock::now() + answer_patience),
                                patience.stop);
  auto connection = handshake(std::move(socket), secret, to_string(server), short_patience);
  if (!connection) problem = "it does not answer";
  return connection;
}

TimeoutError no_rendezvous(const Endpoint& server, milliseconds timeout,
                           const std::string& problem) {
  return TimeoutError(
      -1, fmt::format("no rendezvous at {} within {:.3g} s: {}; does the launcher of its host run?",
                      to_string(server), std::chrono::duration<double>(timeout).count(), problem));
}

Connection connect(const Endpoint& server, const Secret& secret, milliseconds timeout) {
  const Moment deadline = Clock::now() + timeout;
  std::string problem;
  for (milliseconds pause{20};; pause = std::min(2 * pause, milliseconds(500))) {
    if (auto connection = try_connect(server, secret, deadline, problem))
      return std::move(*connection);
    if (Clock::now() + pause >= deadline) throw no_rendezvous(server, timeout, problem);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace convoy::rendezvous
