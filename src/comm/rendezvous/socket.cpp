#include "comm/rendezvous/socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace convoy::rendezvous {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// 0 or an errno.
int try_connect(const Socket& socket, const addrinfo& address, const Patience& patience) {
  if (::connect(socket.fd(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    if (!wait_for(socket.fd(), POLLOUT, patience)) return ETIMEDOUT;
  }
  return connection_error(socket);
}

}  // namespace

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

void FreeAddresses::operator()(addrinfo* list) const {
  ::freeaddrinfo(list);
}

Addresses resolve(const Endpoint& endpoint, int flags, std::string& problem) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int status =
      ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list);
  if (status == 0) return Addresses(list);
  problem = status == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(status);
  return nullptr;
}

Socket make_socket(const addrinfo& address) {
  return Socket(::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         address.ai_protocol));
}

void set_option(const Socket& socket, int level, int option, int value) {
  ::setsockopt(socket.fd(), level, option, &value, sizeof(value));
}

int connection_error(const Socket& socket) {
  if (!socket) return EADDRNOTAVAIL;
  int problem = 0;
  socklen_t size = sizeof(problem);
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) return problem;
  sockaddr_storage local{}, peer{};
  socklen_t local_size = sizeof(local), peer_size = sizeof(peer);
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&local), &local_size);
  if (::getpeername(socket.fd(), reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return errno;
  // A port of our own range may be given to a connection to itself when nobody listens there.
  const bool to_itself = local_size == peer_size && std::memcmp(&local, &peer, local_size) == 0;
  return to_itself ? ECONNREFUSED : 0;
}

bool wait_for(int fd, short events, const Patience& patience) {
  const milliseconds longest = patience.stop != nullptr ? milliseconds(50) : std::chrono::hours(1);
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(patience.deadline - Clock::now());
    const auto slice = std::clamp(left, milliseconds(0), longest);
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(slice.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR && errno != EAGAIN) return true;  // the next call tells why
    if (patience.over()) return false;
  }
}

Socket listen_at(const std::string& host, std::uint16_t port) {
  const Endpoint endpoint{host, port};
  std::string problem;
  const Addresses addresses = resolve(endpoint, AI_PASSIVE, problem);
  int code = EADDRNOTAVAIL;
  for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
    Socket socket = make_socket(*address);
    if (socket) {
      set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
      if (address->ai_family == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      if (::bind(socket.fd(), address->ai_addr, address->ai_addrlen) == 0 &&
          ::listen(socket.fd(), SOMAXCONN) == 0)
        return socket;
    }
    code = errno;
    problem = std::strerror(code);
  }
  throw ListenError(code, fmt::format("cannot listen at {}: {}", to_string(endpoint), problem));
}

std::uint16_t port_of(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Socket connect_to(const Endpoint& server, const Patience& patience, std::string& problem) {
  const Addresses addresses = resolve(server, AI_ADDRCONFIG, problem);
  for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
    Socket socket = make_socket(*address);
    // An address that does not answer must not use up the time of the others.
    const Patience share(std::min(patience.deadline, Clock::now() + std::chrono::seconds(5)),
                         patience.stop);
    const int code = socket ? try_connect(socket, *address, share) : errno;
    if (code == 0) {
      configure(socket);
      return socket;
    }
    problem = std::strerror(code);
  }
  return {};
}

void configure(const Socket& socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 4);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000);
}

std::string address_of(const sockaddr_storage& address) {
  std::array<char, NI_MAXHOST> host{};
  const socklen_t size = address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(),
                    nullptr, 0, NI_NUMERICHOST) != 0)
    return "unknown";
  return host.data();
}

std::string local_address(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size);
  return address_of(address);
}

ssize_t send_some(const Socket& socket, std::string_view bytes) {
  const auto sent = ::send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

bool receive_some(const Socket& socket, std::string& bytes) {
  std::array<char, 65536> buffer;
  const auto got = ::recv(socket.fd(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

}  // namespace convoy::rendezvous

namespace convoy {

Endpoint parse_endpoint(std::string_view text) {
  const auto wrong = [&] {
    return InputError(fmt::format("'{}' is not HOST:PORT, e.g. 10.0.0.1:29500", text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) throw wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find_first_of(":[]") != std::string_view::npos)
    throw InputError(fmt::format("'{}': write an IPv6 address as [ADDRESS]:PORT", text));
  std::uint16_t port = 0;
  const char* end = port_text.data() + port_text.size();
  const auto [rest, problem] = std::from_chars(port_text.data(), end, port);
  if (host.empty() || problem != std::errc() || rest != end || port == 0) throw wrong();
  return {std::string(host), port};
}

std::string to_string(const Endpoint& endpoint) {
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
              : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

}  // namespace convoy
