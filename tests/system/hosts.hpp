#pragma once
// Hosts for tests: network namespaces joined by a bridge of veth pairs.
#include <string>
#include <vector>

namespace convoy::testing {

/// `count` hosts with addresses 10.89.N.1 and up, N from the process number. Gone with the object.
class Hosts {
 public:
  explicit Hosts(int count);
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  /// Empty when the hosts are there; else why they cannot be.
  const std::string& problem() const { return problem_; }
  std::string address(int host) const;
  /// The words that run a command on that host.
  std::vector<std::string> on(int host, std::vector<std::string> words) const;
  /// Limits what each host can send, in Mbit/s; false where the kernel cannot.
  bool shape(int megabits);

 private:
  std::string name(int host) const;
  bool call(const std::string& command);

  int count_;
  int net_;
  std::string problem_;
};

}  // namespace convoy::testing
