#pragma once
// Sockets of the transport, and this host's addresses.
#include <chrono>
#include <string>
#include <vector>

#include "comm/rendezvous/socket.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy::tcp {

/// Not connected yet, perhaps: rendezvous::connection_error() says so once it can be written to; no
/// socket where `to` is no numeric address. From the local address `from` where that is given and
/// of the same family.
rendezvous::Socket start_connecting(const Endpoint& to, const std::string& from);
/// Small messages leave at once; a peer that does not acknowledge for `patience` is lost.
void configure(const rendezvous::Socket& socket, std::chrono::milliseconds patience);

/// The numeric addresses of interfaces (by name: the first IPv4 one, else an IPv6 one) and of
/// addresses of this host. Throws InputError, naming those that there are.
std::vector<std::string> addresses_of(const std::vector<std::string>& interfaces);

}  // namespace convoy::tcp

#pragma GCC visibility pop
