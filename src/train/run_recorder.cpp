#include "train/run_recorder.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/file.hpp"
#include "convoy/core/version.hpp"
#include "convoy/schema/plugins.hpp"
#include "convoy/train/sample_predictions.hpp"
#include "core/kernel_info.hpp"
#include "core/machine.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

double now_utc() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Rows to show a person: half of them where the model is most wrong, the rest from the start.
std::vector<std::int64_t> telling_rows(const DataSpec& spec, const Inference& inference,
                                       std::int64_t count) {
  const auto size = static_cast<std::int64_t>(inference.samples.size());
  count = std::min(count, size);
  torch::Tensor error;
  if (spec.task == Task::classification) {
    const torch::Tensor likely = inference.outputs.softmax(1);
    error = -likely.gather(1, inference.target.unsqueeze(1)).squeeze(1);
  } else {
    const torch::Tensor guess =
        spec.task == Task::binary ? inference.outputs.sigmoid() : inference.outputs;
    error = (guess - inference.target).abs().flatten(1).sum(1);
  }
  const torch::Tensor order = error.argsort(0, /*descending=*/true).contiguous();
  std::vector<std::int64_t> rows(order.data_ptr<std::int64_t>(),
                                 order.data_ptr<std::int64_t>() + count / 2);
  for (std::int64_t row = 0; row < size && static_cast<std::int64_t>(rows.size()) < count; ++row) {
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
  }
  return rows;
}

Json environment_json() {
  Json environment = kernels_json(kernels());
  if (!plugins().empty()) environment["plugins"] = plugins_json();
  return environment;
}

void add_final(Json& final, const std::string& split, const Json& metrics) {
  for (const auto& [key, value] : metrics.items()) {
    if (value.is_number()) final[split + "_" + key] = value;
  }
}

}  // namespace

void RunRecorder::open(std::int64_t step) {
  log_.reset();
  if (options_.out.empty() || !records_) return;
  log_ = json_lines_log(options_.out / "metrics.jsonl", step);
}

void RunRecorder::go_on(std::int64_t step) {
  log_.reset();
  if (options_.out.empty()) return;
  log_ = continue_json_lines_log(options_.out / "metrics.jsonl", step);
}

Json RunRecorder::event(const std::string& kind, std::int64_t step) const {
  return {{"time", now_utc()},
          {"step", step},
          {"event", kind},
          {"epoch", static_cast<double>(step) / static_cast<double>(options_.steps_per_epoch)}};
}

void RunRecorder::emit(const Json& event) {
  if (!records_) return;
  if (log_) log_->on_event(event);
  for (Observer* observer : options_.observers) observer->on_event(event);
}

void RunRecorder::start(int workers, std::int64_t step) {
  Json start = event("start", step);
  start["run"] = {{"name", options_.name},
                  {"steps", options_.steps},
                  {"epochs", static_cast<double>(options_.steps) /
                                 static_cast<double>(options_.steps_per_epoch)},
                  {"batch", options_.batch},
                  {"lanes", options_.lanes},
                  {"workers", workers},
                  {"replicas", options_.replicas},
                  {"samples", options_.samples},
                  {"parameters", options_.parameters},
                  {"steps_per_epoch", options_.steps_per_epoch}};
  emit(start);
}

void RunRecorder::count(std::int64_t samples, double seconds) {
  meter_.samples += samples;
  meter_.seconds += seconds;
  ++meter_.steps;
}

Json RunRecorder::time_use_per_step(const Meter& since, const TimeUse& total) const {
  const auto steps = static_cast<double>(std::max<std::int64_t>(1, meter_.steps - since.steps));
  Json seconds;
  double busy = 0;
  for (std::size_t k = 0; k < activity_names.size(); ++k) {
    const auto activity = static_cast<Activity>(k);
    const double spent = (total.seconds(activity) - since.time_use.seconds(activity)) / steps;
    busy += spent;
    seconds[activity_names[k]] = spent;
  }
  // A replica waits in the rest of the step: for the others, or for the observers.
  seconds["wait"] = std::max(0.0, (meter_.seconds - since.seconds) / steps - busy);
  return seconds;
}

void RunRecorder::step(std::int64_t number, const StepNumbers& numbers, const Json& report,
                       const TimeUse& use) {
  Json step = event("step", number);
  step["loss"] = numbers.loss;
  step["rate"] = numbers.rate;
  step["gradient_norm"] = numbers.norm;
  const double seconds = meter_.seconds - reported_.seconds;
  step["samples_per_second"] =
      seconds > 0 ? static_cast<double>(meter_.samples - reported_.samples) / seconds : 0.0;
  step["seconds"] = time_use_per_step(reported_, use);
  for (const char* part : {"balance", "compression"}) {
    if (report.contains(part) && !report[part].is_null()) step[part] = report[part];
  }
  reported_ = meter_;
  reported_.time_use = use;
  emit(step);
}

void RunRecorder::skipped(std::int64_t step, const NonFinite& found) {
  Json skipped = event("skipped", step);
  skipped["step"] = step + 1;
  skipped["reason"] = found.what;
  skipped["lane"] = found.lane;
  skipped["samples"] = found.samples;
  emit(skipped);
}

void RunRecorder::moved(std::int64_t step, const char* reason, const MovedLanes& lanes,
                        const std::vector<int>& numbers) {
  Json moved = event("moved", step);
  moved["lanes"] = Json::array();
  for (std::size_t w = 0; w < lanes.lanes.size(); ++w)
    moved["lanes"].push_back({numbers[w], 0, lanes.lanes[w].begin, lanes.lanes[w].size()});
  if (lanes.imbalance_before > 0) moved["imbalance_before"] = lanes.imbalance_before;
  moved["reason"] = reason;
  emit(moved);
}

void RunRecorder::evaluated(std::int64_t step, const std::string& split, const Json& metrics,
                            double seconds) {
  Json evaluated = event("evaluate", step);
  evaluated["split"] = split;
  evaluated["metrics"] = metrics;
  evaluated["seconds"] = seconds;
  emit(evaluated);
  evaluations_[split] = metrics;
}

void RunRecorder::checkpoint(const WrittenCheckpoint& written) {
  if (!written.error.empty()) {
    Json failed = event("checkpoint_failed", written.step);
    failed["reason"] = written.error;
    emit(failed);
    return;
  }
  Json written_event = event("checkpoint", written.step);
  written_event["path"] = "checkpoints/" + written.path.filename().string();
  written_event["best"] = written.best;
  written_event["seconds"] = written.seconds;
  written_event["stall_seconds"] = written.stall_seconds;
  written_event["bytes"] = written.bytes;
  emit(written_event);
}

void RunRecorder::repaired(std::int64_t step, const char* what, int worker,
                           const std::string& text) {
  Json repaired = event("repaired", step);
  repaired["what"] = what;
  if (worker >= 0) repaired["worker"] = worker;
  repaired["text"] = text;
  emit(repaired);
}

void RunRecorder::sample_predictions(const Dataset& dataset, const Inference& inference) {
  if (options_.out.empty() || options_.sample_predictions == 0 || inference.samples.empty()) return;
  const torch::NoGradGuard no_grad;
  const std::vector<std::int64_t> rows =
      telling_rows(dataset.spec(), inference, options_.sample_predictions);
  write_samples(options_.out, dataset.spec(), dataset.read(rows),
                inference.outputs.index_select(0, torch::tensor(rows)));
}

Json RunRecorder::summary(std::int64_t step, double earlier_seconds, std::int64_t skipped,
                          double loss, const std::string& sha256, const TimeUse& use) const {
  Json final = {{"train_loss", loss}};
  Json evaluation = Json::object();
  for (const auto& [split, metrics] : evaluations_) {
    add_final(final, split, metrics);
    evaluation[split] = metrics;
  }
  const double rate =
      meter_.seconds > 0 ? static_cast<double>(meter_.samples) / meter_.seconds : 0.0;
  return {{"name", options_.name},
          {"convoy", version},
          {"seed", options_.seed},
          {"replicas", options_.replicas},
          {"lanes", options_.lanes},
          {"batch", options_.batch},
          {"steps", step},
          {"epochs", static_cast<double>(step) / static_cast<double>(options_.steps_per_epoch)},
          {"samples", options_.samples},
          {"seconds", earlier_seconds + meter_.seconds},
          {"samples_per_second", rate},
          {"weights_sha256", sha256},
          {"parameters", options_.parameters},
          {"skipped_steps", skipped},
          {"peak_memory_bytes", peak_memory_bytes()},
          {"final", final},
          {"evaluation", evaluation},
          {"seconds_per_step", time_use_per_step(Meter{}, use)},
          {"task", name_of(options_.spec.task)},
          {"class_names", options_.spec.class_names},
          {"environment", environment_json()}};
}

void RunRecorder::finish(std::int64_t step, const Json& summary) {
  Json done = event("done", step);
  done["seconds"] = summary["seconds"];
  done["samples_per_second"] = summary["samples_per_second"];
  emit(done);
  if (options_.out.empty()) return;
  write_file_atomically(options_.out / "summary.json", summary.dump(2) + "\n");
  for (Observer* observer : options_.observers) observer->on_end(options_.out);
}

}  // namespace convoy
