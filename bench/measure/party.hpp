#pragma once
// Who is measured: everything that can sum a buffer over the workers, and the copies it is held
// against.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/comm/rendezvous/store.hpp"

namespace convoy::bench {

struct Seat {
  int rank = 0;
  int size = 1;
};

/// One member of a contestant's group. Operations are collective over the group.
class Party {
 public:
  virtual ~Party() = default;
  /// Gets ready for buffers of this size, and sees that sums come out right; `values` are zeros
  /// afterwards. Returns the setting that turned out to be the fastest, empty where there is no
  /// choice. Throws Error.
  virtual std::string prepare(std::span<float> values) = 0;
  /// Seconds of one of `operations` sums, one after the other, begun by all members together.
  /// `values` are zeros, which stay zeros.
  virtual double time(std::span<float> values, int operations) = 0;
};

/// A member that sums in this process.
class OwnParty : public Party {
 public:
  explicit OwnParty(Seat seat) : seat_(seat) {}
  std::string prepare(std::span<float> values) override;
  double time(std::span<float> values, int operations) override;

 protected:
  /// Returns when all members of the group are here.
  virtual void line_up() = 0;
  /// `values` become their sums over the group.
  virtual void all_reduce(std::span<float> values) = 0;
  virtual bool sums() const { return true; }  ///< a copy does not

 private:
  Seat seat_;
};

/// The parties of one contestant in this process: one, or those of all its threads, or none.
struct Contestant {
  std::string name;
  std::vector<std::unique_ptr<Party>> parties;
};

/// Communicator::all_reduce. The members line up by `line`, which may be the same communicator.
std::unique_ptr<Party> communicator_party(std::shared_ptr<Communicator> communicator,
                                          std::shared_ptr<Communicator> line);

/// `passes` times memcpy of the whole buffer, there and back; up to `max_floats`.
std::unique_ptr<Party> copy_party(int passes, std::size_t max_floats,
                                  std::shared_ptr<Communicator> line);

/// What TCP connections allow: one between each two workers, no framing, no thread. Small buffers
/// are exchanged whole in one round, others by reduce-scatter and all-gather; adding is a plain
/// loop. Members listen at `address` and tell each other where by `store`.
std::unique_ptr<Party> socket_party(Store& store, const std::string& address,
                                    std::shared_ptr<Communicator> line);

}  // namespace convoy::bench
