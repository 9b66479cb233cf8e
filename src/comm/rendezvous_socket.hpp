#pragma once
// TCP sockets as the rendezvous uses them: non-blocking, closed on exec, IPv4 and IPv6.
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convoy/comm/rendezvous.hpp"

namespace convoy::rendezvous {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket();
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

using Moment = std::chrono::steady_clock::time_point;

/// Whether one of `events` (poll) happened before the deadline.
bool wait_for(int fd, short events, Moment deadline);

/// Throws ListenError.
Socket listen_at(const std::string& host, std::uint16_t port);
std::uint16_t port_of(const Socket& socket);
/// Nothing when nobody could be reached by the deadline; `problem` is why.
Socket connect_to(const Endpoint& server, Moment deadline, std::string& problem);
/// Small messages leave at once, and a peer that vanished is noticed within about ten seconds.
void configure(const Socket& socket);

/// Numeric addresses, without the port.
std::string local_address(const Socket& socket);
std::string address_of(const sockaddr_storage& address);

/// Bytes sent now; -1 when the connection is broken.
ssize_t send_some(const Socket& socket, std::string_view bytes);
/// Appends what is there now. False when the connection is closed or broken.
bool receive_some(const Socket& socket, std::string& bytes);

}  // namespace convoy::rendezvous
