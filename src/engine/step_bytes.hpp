#pragma once
// Payload bytes that a worker sends: for the steps, and for all else.
#include <cstdint>

#include "convoy/comm/communicator.hpp"

namespace convoy {

class StepBytes {
 public:
  /// Goes on with the counts of `before`, if any.
  explicit StepBytes(const Communicator& group, const StepBytes* before = nullptr) : group_(group) {
    if (before != nullptr) {
      steps_ = before->steps_;
      of_steps_ = before->of_steps_;
      others_ = before->others_;
    }
    seen_ = group.bytes_sent();
  }

  /// Sent for the step under way.
  void count(std::uint64_t bytes) { counted_ += bytes; }
  void end_step() {
    ++steps_;
    const std::uint64_t all = group_.bytes_sent();
    of_steps_ += counted_;
    others_ += all - seen_ - counted_;
    seen_ = all;
    counted_ = 0;
  }

  std::int64_t steps() const { return steps_; }
  double per_step() const { return mean(of_steps_); }
  double others_per_step() const { return mean(others_); }

 private:
  double mean(std::uint64_t bytes) const {
    return steps_ == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(steps_);
  }

  const Communicator& group_;
  std::int64_t steps_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t of_steps_ = 0;
  std::uint64_t others_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace convoy
