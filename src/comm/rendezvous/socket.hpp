#pragma once
// TCP sockets as the rendezvous uses them: non-blocking, closed on exec, IPv4 and IPv6.
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"

struct addrinfo;

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

/// How long to wait: until a moment, and not once somebody set `stop`, which is looked at a few
/// times a second.
struct Patience {
  // NOLINTNEXTLINE(google-explicit-constructor): most waits have a deadline and no more
  Patience(Moment until, const std::atomic<bool>* stop_flag = nullptr)
      : deadline(until), stop(stop_flag) {}
  bool over() const {
    return std::chrono::steady_clock::now() >= deadline || (stop != nullptr && stop->load());
  }
  Moment deadline;
  const std::atomic<bool>* stop;
};

/// Whether one of `events` (poll) happened in time.
bool wait_for(int fd, short events, const Patience& patience);

struct FreeAddresses {
  void operator()(addrinfo* list) const;
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;
/// The addresses of a host, with getaddrinfo's `flags`. Null when it has none; `problem` is why.
Addresses resolve(const Endpoint& endpoint, int flags, std::string& problem);
Socket make_socket(const addrinfo& address);
void set_option(const Socket& socket, int level, int option, int value);
/// Of a connection that was begun, once the socket can be written to: 0 or an errno.
int connection_error(const Socket& socket);

/// Throws ListenError.
Socket listen_at(const std::string& host, std::uint16_t port);
std::uint16_t port_of(const Socket& socket);
/// Nothing when nobody could be reached in time; `problem` is why.
Socket connect_to(const Endpoint& server, const Patience& patience, std::string& problem);
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
