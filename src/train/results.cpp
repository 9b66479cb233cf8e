// Declared in train/trainer_impl.hpp.
// What a run comes to: evaluations, and its end.
#include "convoy/core/file.hpp"
#include "convoy/metric/metrics.hpp"
#include "core/machine.hpp"
#include "infer/inference.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

void Trainer::Impl::evaluate_split(const std::string& split, const Dataset& dataset) {
  const auto begin = Clock::now();
  const Inference inference = strategy_->infer(dataset, wanted_.evaluate.batch);
  evaluated_at_[split] = step_;
  if (!session_->records()) return;
  const Json metrics = evaluate(inference, dataset.spec(), loss_);
  recorder_->evaluated(step_, split, metrics,
                       std::chrono::duration<double>(Clock::now() - begin).count());
  if (finished() && (split == "test" || !data_.test))
    recorder_->sample_predictions(dataset, inference);
}

// Of the weights as they are; null: not evaluated.
Trainer::Impl::Json Trainer::Impl::best_metric() const {
  const std::string split = data_.validation ? "validation" : "test";
  const auto at = evaluated_at_.find(split);
  if (!session_->records() || at == evaluated_at_.end() || at->second != step_) return {};
  const auto evaluated = recorder_->evaluations().find(split);
  if (evaluated == recorder_->evaluations().end() || !evaluated->second.contains(best_metric_))
    return {};
  return {{"split", split},
          {"name", best_metric_},
          {"value", evaluated->second[best_metric_]},
          {"higher_is_better", higher_is_better(best_metric_)}};
}

RunSummary Trainer::Impl::finish() {
  RunSummary summary;
  if (session_->await_end()) {
    if (session_->takes_over()) {
      if (options_.take_over) options_.take_over(/*goes_on=*/true);
      if (!was_recorder_) {
        take_over_served(*last_outcome_);
        commit(*last_outcome_);
      }
    }
    summary = conclude();
    session_->done();
  }
  strategy_->leave();
  session_->end();
  return summary;
}

RunSummary Trainer::Impl::conclude() {
  strategy_->with_model([&] {
    for (const auto& [split, dataset] :
         {std::pair{"validation", data_.validation}, std::pair{"test", data_.test}}) {
      if (!dataset || dataset->size() == 0) continue;
      const auto at = evaluated_at_.find(split);
      if (at == evaluated_at_.end() || at->second != step_) evaluate_split(split, *dataset);
    }
  });
  if (checkpoint_manager_) checkpoint_manager_->settle();
  const StrategyResult result = strategy_->result();
  const Json report = strategy_->report();
  const Json workers = worker_reports(report);
  write_timeline();
  RunSummary summary;
  summary.weights_sha256 = result.weights_sha256;
  summary.model = result.model;
  if (!session_->records()) {
    summary.json = {{"weights_sha256", result.weights_sha256}};
    return summary;
  }
  summary.json =
      recorder_->summary(step_, earlier_seconds_, strategy_->counts().skipped, last_.loss,
                         result.weights_sha256, strategy_->engine().total_time_use());
  if (options_.model_meta.contains("data")) summary.json["data"] = options_.model_meta["data"];
  if (report.contains("servers")) summary.json["servers"] = report["servers"];
  if (!workers.is_null()) summary.json["workers"] = workers;
  if (report.contains("communication")) {
    summary.json["communication"] = report["communication"];
    if (report.contains("compression") && !report["compression"].is_null())
      summary.json["communication"]["compression"] = report["compression"];
  }
  if (!options_.out.empty()) {
    Json meta = options_.model_meta;
    meta["step"] = step_;
    meta["weights_sha256"] = result.weights_sha256;
    const Compute::TorchScope scope(*options_.device);
    save_model(options_.out / "model.pt", *result.model, meta);
  }
  recorder_->finish(step_, summary.json);
  return summary;
}

Trainer::Impl::Json Trainer::Impl::worker_reports(const Json& report) const {
  if (session_->group() == nullptr) return {};
  Json own = {{"worker", session_->rank()}, {"host", host_name()}};
  own.update(report["worker"]);
  own["peak_memory_bytes"] = peak_memory_bytes();
  own["skipped_steps"] = strategy_->counts().skipped;
  Json all = Json::array();
  for (const std::string& text : all_gather(own.dump())) all.push_back(Json::parse(text));
  return all;
}

void Trainer::Impl::write_timeline() {
  if (!trace_) return;
  const std::vector<std::string> parts = all_gather(trace_->serialise());
  if (session_->records()) write_trace(options_.trace, parts);
}

}  // namespace convoy
