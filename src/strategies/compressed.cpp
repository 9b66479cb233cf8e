#include "strategies/compressed.hpp"

#include <algorithm>

#include "convoy/lanes/random.hpp"
#include "engine/model_vector.hpp"
#include "strategies/worker_state.hpp"

namespace convoy {

Compressed::Compressed(StrategySetup setup) : Synchronous(std::move(setup)) {
  const ModelVector values(engine_.weights());
  sums_ = make_group_sum(setup_.options.compression,
                         derive_seed(engine_.seed(), RandomPurpose::exchange), values.parameters(),
                         values.matrices());
}

const StrategyTraits& Compressed::traits() const {
  static const StrategyTraits traits{
      .same_bits = false, .alike = true, .elastic = true, .columns = false};
  return traits;
}

// What a sum left out becomes part of the next one only when the step is over.
void Compressed::committed() {
  if (group_ != nullptr) sums_->commit();
  ++steps_;
}

void Compressed::save(StateWriter& writer) {
  Synchronous::save(writer);
  if (writer.part) writer.part->own = sums_->state();
}

// Of what compression owed nothing is kept if there are other workers now.
void Compressed::load(StateReader* reader) {
  WorkerStates own;
  if (reader != nullptr) own = WorkerStates(reader->state);
  forget_residuals();
  restore_whole(reader);
  if (!setup_.elastic) WorkerStates::restore(own, group_, engine_.device(), sums_->state());
}

void Compressed::forget() {
  Synchronous::forget();
  forget_residuals();
}

// The next sums lack nothing.
void Compressed::forget_residuals() {
  for (const auto& [name, tensor] : sums_->state()) torch::Tensor(tensor).zero_();
  if (group_ != nullptr) sums_->enter(*group_);
}

Compressed::Json Compressed::report() const {
  Json report = Synchronous::report();
  if (group_ == nullptr) return report;
  report["compression"] = compression_report(setup_.options.compression, sums_.get(), steps_);
  return report;
}

nlohmann::ordered_json compression_report(const CompressionOptions& options, const GroupSum* sum,
                                          std::int64_t steps) {
  if (sum == nullptr || !is_compressed(options)) return {};
  const auto taken = static_cast<double>(std::max<std::int64_t>(1, steps));
  return {{"kind", options.kind},
          {"whole_bytes_per_step", static_cast<double>(sum->whole_bytes()) / taken},
          {"sent_bytes_per_step", static_cast<double>(sum->bytes_sent()) / taken},
          {"coding_seconds_per_step", sum->coding_seconds() / taken}};
}

}  // namespace convoy
