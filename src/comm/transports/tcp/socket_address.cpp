#include "comm/transports/tcp/socket_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "convoy/core/error.hpp"

namespace convoy::tcp {
namespace {

rendezvous::Addresses numeric_address(const Endpoint& endpoint) {
  std::string ignored;
  return rendezvous::resolve(endpoint, AI_NUMERICHOST, ignored);
}

struct Interface {
  std::string name;
  std::string address;
};

// Link-local addresses are left out: others cannot reach them without more.
std::vector<Interface> interfaces_here() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::vector<Interface> found;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
      if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != family ||
          (one->ifa_flags & IFF_UP) == 0)
        continue;
      sockaddr_storage address{};
      std::memcpy(&address, one->ifa_addr,
                  family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
      const std::string text = rendezvous::address_of(address);
      if (!text.starts_with("fe80:")) found.push_back({one->ifa_name, text});
    }
  }
  return found;
}

bool is_numeric(const std::string& text) {
  return numeric_address({text, 0}) != nullptr;
}

}  // namespace

rendezvous::Socket start_connecting(const Endpoint& to, const std::string& from) {
  const rendezvous::Addresses address = numeric_address(to);
  if (!address) return {};
  rendezvous::Socket socket = rendezvous::make_socket(*address);
  const rendezvous::Addresses local = numeric_address({from, 0});
  if (local && local->ai_family == address->ai_family) {
    set_option(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    ::bind(socket.fd(), local->ai_addr, local->ai_addrlen);  // else the system chooses
  }
  ::connect(socket.fd(), address->ai_addr, address->ai_addrlen);
  return socket;
}

void configure(const rendezvous::Socket& socket, std::chrono::milliseconds patience) {
  const auto milliseconds =
      static_cast<int>(std::clamp<std::int64_t>(patience.count(), 1'000, 3'600'000));
  const int seconds = milliseconds / 1000;
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, std::clamp(seconds / 2, 1, 60));
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::clamp(seconds / 8, 1, 15));
}

std::vector<std::string> addresses_of(const std::vector<std::string>& interfaces) {
  const std::vector<Interface> here = interfaces_here();
  std::vector<std::string> addresses;
  for (const std::string& wanted : interfaces) {
    const auto found = std::find_if(here.begin(), here.end(), [&](const Interface& one) {
      return one.name == wanted || one.address == wanted;
    });
    if (found != here.end()) {
      addresses.push_back(found->address);
    } else if (wanted.starts_with("127.") && is_numeric(wanted)) {
      addresses.push_back(wanted);  // all of them are this host's
    } else {
      std::vector<std::string> names;
      for (const Interface& one : here)
        names.push_back(fmt::format("{} ({})", one.name, one.address));
      throw InputError(fmt::format(
          "--interface {}: this host has no interface and no address of that name; it has {}",
          wanted, fmt::join(names, ", ")));
    }
  }
  return addresses;
}

}  // namespace convoy::tcp
