#pragma once
// Preprocessing steps on tables.
#include <string>
#include <vector>

#include "convoy/data/preprocess/frame.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/data/preprocess/training_rows.hpp"

namespace convoy {

/// Rows that are in memory; every worker has all of them.
class FrameRows final : public TrainingRows {
 public:
  explicit FrameRows(Frame& frame) : frame_(frame) {}
  Frame& head() override { return frame_; }
  std::int64_t size() const override { return static_cast<std::int64_t>(frame_.numbers.size()); }
  void read(Range positions, const See& see) override { see(frame_, positions); }
  void add(const std::shared_ptr<const FittedStep>& step, Peers* peers) override;

 private:
  Frame& frame_;
};

/// Fits each step to the rows as the steps before left them, and applies it to them. Collective:
/// each worker takes statistics over its own segments of the rows left (data/peers/segments) alone.
/// Whatever is decided here is decided on what was merged, or on all rows, so that all workers fail
/// alike. Throws InputError / DataError.
FittedSteps fit_steps(const std::vector<PreprocessStep>& steps, TrainingRows& rows, Peers* peers);

/// "drop_missing": the first step that can leave a split without rows.
std::string first_that_drops(const FittedSteps& steps);

}  // namespace convoy
