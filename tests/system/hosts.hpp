#pragma once
// Hosts for tests: network namespaces joined by a bridge of veth pairs.
#include <cstdint>
#include <string>
#include <vector>

namespace convoy::testing {

/// `count` hosts, each with an interface eth0, eth1, ... to each of `networks` networks. Addresses
/// are 10.89.N.1 and up, 10.90.N.1 and up, ..., N from the process number. Gone with the object.
class Hosts {
 public:
  explicit Hosts(int count, int networks = 1);
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  /// Empty when the hosts are there; else why they cannot be.
  const std::string& problem() const { return problem_; }
  std::string address(int host, int network = 0) const;
  /// The words that run a command on that host.
  std::vector<std::string> on(int host, std::vector<std::string> words) const;
  /// Bytes that a host has sent over that network so far.
  std::int64_t sent(int host, int network);
  /// Limits what each host can send over the first network, in Mbit/s; false where the kernel
  /// cannot.
  bool shape(int megabits);

 private:
  std::string name(int host) const;
  bool connect(int host, int network);
  bool call(const std::string& command, std::string* said = nullptr);

  int count_;
  int net_;
  std::string problem_;
};

}  // namespace convoy::testing
