#include "data/preprocess/table_pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

std::unique_ptr<FittedStep> fit_step(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  const StepKind& kind = preprocess_steps().get(step.kind);
  const schema::AnyOptions options = options_of(step);
  const std::string reason = rows.too_large();
  if (!reason.empty() && kind.needs_all_values && kind.needs_all_values(options, rows.head()))
    fail_step(step.kind, reason);
  return kind.fit(options, rows, peers);
}

}  // namespace

void FrameRows::add(const std::shared_ptr<const FittedStep>& step, Peers* /*peers*/) {
  step->drop_training_rows(frame_);
  step->apply(frame_);
}

FittedSteps fit_steps(const std::vector<PreprocessStep>& steps, TrainingRows& rows, Peers* peers) {
  FittedSteps all;
  for (const PreprocessStep& step : steps) {
    std::shared_ptr<const FittedStep> fitted = fit_step(step, rows, peers);
    if (fitted->does_nothing()) continue;
    rows.add(fitted, peers);
    if (rows.size() == 0)
      fail_step(step.kind,
                fmt::format("no row of the training split in {} is left", rows.head().file));
    all.push_back(std::move(fitted));
  }
  return all;
}

std::string first_that_drops(const FittedSteps& steps) {
  const auto found =
      std::ranges::find_if(steps, [](const auto& step) { return step->drops_rows(); });
  return found == steps.end() ? "preprocess" : (*found)->kind();
}

}  // namespace convoy
