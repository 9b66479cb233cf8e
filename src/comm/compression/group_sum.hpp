#pragma once
// The sum of a vector over the workers of a group, in fewer bytes than all of it.
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/comm/compression/compression.hpp"

namespace convoy {

/// Every worker of a group calls the same methods in the same order. The sum is the same bits on
/// all of them and depends on the workers' vectors, their number and what was left out before.
class GroupSum {
 public:
  virtual ~GroupSum() = default;

  /// From now on with the workers of `group`, which must outlive the calls that follow.
  void enter(Communicator& group);

  /// `values` become their sum over the group, as far as it is known. Where somebody's are not
  /// finite, the sum has elements that are not, on all workers. `number` is that of the vector, the
  /// same everywhere.
  void add_up(std::int64_t number, std::span<float> values);
  /// The last sum was used: what was left out of it is added to the next one. Without this the next
  /// vector takes its place.
  virtual void commit() {}

  /// What this worker keeps from one vector to the next.
  virtual std::vector<std::pair<std::string, torch::Tensor>> state() const { return {}; }

  /// Payload bytes sent, and seconds spent in encoding and decoding, so far.
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  double coding_seconds() const { return coding_seconds_; }
  /// What this worker would have sent of as many whole vectors.
  std::uint64_t whole_bytes() const { return whole_bytes_; }

 protected:
  using Clock = std::chrono::steady_clock;
  Communicator& group() const { return *group_; }
  void count_coding(Clock::time_point since);

 private:
  virtual void entered() {}
  virtual void sum(std::int64_t number, std::span<float> values) = 0;

  Communicator* group_ = nullptr;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t whole_bytes_ = 0;
  double coding_seconds_ = 0;
};

/// What a sum is made from; only good while it is made.
struct SumRequest {
  const CompressionOptions& options;
  std::uint64_t seed = 0;
  std::size_t count = 0;
  const std::vector<PowerSgd::Matrix>& matrices;
};

/// Of vectors of `count` elements as `options` say; kind none: whole, by an all-reduce. `matrices`
/// are for power_sgd.
std::unique_ptr<GroupSum> make_group_sum(const CompressionOptions& options, std::uint64_t seed,
                                         std::size_t count,
                                         const std::vector<PowerSgd::Matrix>& matrices);

}  // namespace convoy
