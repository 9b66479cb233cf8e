#pragma once
// The other workers of a group, as far as loading data needs them. A Communicator (comm/) is one;
// data knows no more of it.
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// Collective: every worker calls the same functions the same number of times, in the same order.
/// Used by one thread at a time.
class Peers {
 public:
  virtual ~Peers() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Every worker's bytes, by rank. Throws PeerError when a worker is lost.
  virtual std::vector<std::string> all_gather(const std::string& mine) = 0;
};

}  // namespace convoy

#pragma GCC visibility pop
