#pragma once
// Hosts on one machine: network namespaces whose links are limited in rate (the kernel's token
// bucket, by `tc`) and delayed (by a relay of our own, measure/delay_relay.hpp).
#include <memory>
#include <string>

#include "bench/measure/link.hpp"
#include "convoy/core/error.hpp"

namespace convoy::bench {

/// This machine, or this user, cannot have such hosts: no root, no `ip` or `tc`, or a kernel
/// without what they need.
class NoHosts : public Error {
 public:
  using Error::Error;
};

class DelayRelay;

/// Hosts 0 to count - 1, which go with the object.
class Hosts {
 public:
  static constexpr const char* interface = "eth0";  ///< of each

  /// Throws NoHosts.
  Hosts(int count, const Link& link);
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;
  /// By which the functions below know them.
  const std::string& name() const { return name_; }

 private:
  void create(const Link& link);
  void add_host(int host, const Link& link);
  void remove();

  int count_;
  std::string name_;
  std::unique_ptr<DelayRelay> relay_;
};

/// The address of a host: of 198.18.0.0/15, which RFC 2544 sets aside for benchmarks.
std::string host_address(int host);
/// The network namespace of a host of the Hosts that are called `name`.
std::string host_namespace(const std::string& name, int host);
/// From now on sockets of the calling thread, and of threads that it starts, are that host's.
/// Throws IoError.
void enter_namespace(const std::string& network_namespace);

}  // namespace convoy::bench
