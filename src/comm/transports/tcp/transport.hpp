#pragma once
// Messages over TCP: between hosts, or between the workers of one.
#include <functional>
#include <string>
#include <vector>

#include "convoy/comm/transport.hpp"

namespace convoy {

struct TcpOptions {
  int rank = 0;
  int size = 1;
  /// Which ranks to connect to, this one's left out; empty: all. A pair agrees on it.
  std::vector<bool> peers = {};
  /// What the group's members alone know: 32 bytes (Store::derived_key).
  std::string group_key;
  /// Numeric ones, of this host: nothing listens anywhere else. The connections of a pair are
  /// spread over them.
  std::vector<std::string> addresses = {"127.0.0.1"};
  bool connect_from_them = false;  ///< else the system chooses the address to connect from
  int connections = 0;             ///< of a pair; 0: one for each address
  bool encrypt = false;            ///< all members must say the same
  /// To connect; and how long the system may try to send to a peer that does not acknowledge.
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
  bool spin = true;  ///< look for a while before sleeping: a core for each rank of this host
  /// Gives everybody this member's address, and returns all, by rank. Authenticated.
  std::function<std::vector<std::string>(const std::string& address)> share;
  /// Called now and then while connecting; throws when the group is not wanted any more.
  std::function<void()> still_wanted = [] {};
  /// Told about refused connections, one line each.
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

/// Connects to every other rank: call it on all of them. Throws TimeoutError or PeerError when not
/// all came, InputError when an address is not this host's or the members do not agree about
/// encryption, AuthenticationError when who answers does not know the group's key.
std::unique_ptr<Transport> tcp_transport(const TcpOptions& options);

}  // namespace convoy
