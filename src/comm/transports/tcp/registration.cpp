// tcp: sockets, between any workers.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "comm/transports/tcp/socket_address.hpp"
#include "comm/transports/tcp/transport.hpp"
#include "convoy/comm/transports.hpp"

namespace convoy {
namespace {

// Those that somebody chose.
std::vector<std::string> interfaces_of(const GroupOptions& options) {
  std::vector<std::string> names = options.interfaces;
  if (const char* text = std::getenv("CONVOY_INTERFACE"); names.empty() && text != nullptr) {
    std::istringstream list(text);
    for (std::string one; std::getline(list, one, ',');)
      if (!one.empty()) names.push_back(one);
  }
  return names;
}

std::unique_ptr<Transport> connect_tcp(const TransportMeeting& meeting) {
  TcpOptions options;
  options.rank = meeting.rank;
  options.size = meeting.size;
  options.peers = meeting.peers;
  options.group_key = meeting.store.derived_key("tcp " + meeting.options.name);
  options.addresses = tcp::addresses_of(interfaces_of(meeting.options));
  options.connect_from_them = !options.addresses.empty();
  if (options.addresses.empty()) options.addresses = {meeting.store.local_address()};
  options.connections = meeting.options.connections;
  options.encrypt = meeting.encrypt;
  options.timeout = meeting.options.timeout;
  options.spin = meeting.spin;
  options.share = [&meeting](const std::string& address) {
    return meeting.share("tcp", address, {0, meeting.size});
  };
  options.still_wanted = meeting.still_wanted;
  options.log = [](const std::string& line) { fmt::print(stderr, "convoy: {}\n", line); };
  return tcp_transport(options);
}

TransportKind tcp_kind() {
  TransportKind kind{{.name = "tcp", .doc = "sockets, on one host and between hosts"}, connect_tcp};
  kind.between_hosts = true;
  kind.encrypts = true;
  kind.priority = 10;
  return kind;
}

const schema::Registered tcp_registered(transports(), tcp_kind());

}  // namespace
}  // namespace convoy
