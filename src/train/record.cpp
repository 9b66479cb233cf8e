// What a run tells: events, evaluations, checkpoints, the summary.
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/file.hpp"
#include "convoy/core/version.hpp"
#include "convoy/report/html.hpp"
#include "convoy/report/metrics.hpp"
#include "core/kernel_card.hpp"
#include "core/machine.hpp"
#include "data/target.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

double now_utc() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double seconds_since(TimeUse::Clock::time_point begin) {
  return std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
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

void add_final(Json& final, const std::string& split, const Json& metrics) {
  for (const auto& [key, value] : metrics.items()) {
    if (value.is_number()) final[split + "_" + key] = value;
  }
}

}  // namespace

Json Trainer::Impl::event(const std::string& kind) const {
  return event(kind, progress_.step);
}

Json Trainer::Impl::event(const std::string& kind, std::int64_t step) const {
  return {{"time", now_utc()},
          {"step", step},
          {"event", kind},
          {"epoch", static_cast<double>(step) / static_cast<double>(schedule_.steps_per_epoch())}};
}

void Trainer::Impl::emit(const Json& event) {
  if (!is_first()) return;
  if (log_) log_->on_event(event);
  for (Observer* observer : options_.observers) observer->on_event(event);
}

void Trainer::Impl::emit_start() {
  Json start = event("start");
  start["run"] = {{"name", job_.name},
                  {"steps", total_steps_},
                  {"epochs", static_cast<double>(total_steps_) /
                                 static_cast<double>(schedule_.steps_per_epoch())},
                  {"batch", batch_},
                  {"lanes", lanes_},
                  {"workers", workers()},
                  {"replicas", pool_.size()},
                  {"samples", data_.train->size()},
                  {"parameters", parameter_count()},
                  {"steps_per_epoch", schedule_.steps_per_epoch()}};
  emit(start);
}

TimeUse Trainer::Impl::total_time_use() const {
  TimeUse total;
  for (const auto& replica : replicas_) {
    for (std::size_t k = 0; k < activity_names.size(); ++k) {
      const auto activity = static_cast<Activity>(k);
      total.add_seconds(activity, replica->time_use().seconds(activity) / pool_.size());
    }
  }
  return total;
}

Json Trainer::Impl::time_use_per_step(const Meter& since) const {
  const TimeUse total = total_time_use();
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

void Trainer::Impl::emit_step() {
  Json step = event("step");
  step["loss"] = last_loss_;
  step["rate"] = last_rate_;
  step["gradient_norm"] = last_norm_;
  const double seconds = meter_.seconds - reported_.seconds;
  step["samples_per_second"] =
      seconds > 0 ? static_cast<double>(meter_.samples - reported_.samples) / seconds : 0.0;
  step["seconds"] = time_use_per_step(reported_);
  if (const Json balance = balance_json(); !balance.is_null()) step["balance"] = balance;
  if (const Json compression = compression_json(); !compression.is_null())
    step["compression"] = compression;
  reported_ = meter_;
  reported_.time_use = total_time_use();
  emit(step);
}

void Trainer::Impl::emit_tuned() {
  Json tuned = event("tuned");
  tuned["bucket_bytes"] = team_->bucket_bytes();
  tuned["tried"] = Json::array();
  for (const BucketTuner::Tried& tried : team_->tried())
    tuned["tried"].push_back({{"bucket_bytes", tried.bytes}, {"seconds", tried.seconds}});
  emit(tuned);
}

void Trainer::Impl::sync_networks(bool training) {
  for (auto& replica : replicas_) {
    torch::nn::Module& module = *replica->network().module;
    weights_->copy_buffers_to(module);
    set_training(module, training);
  }
}

Inference Trainer::Impl::infer(const Dataset& dataset) {
  sync_networks(/*training=*/false);
  std::vector<Network*> networks;
  for (auto& replica : replicas_) networks.push_back(&replica->network());
  Inference inference = columns_ ? columns_->infer(networks, dataset, job_.evaluate.batch)
                                 : run_inference(pool_, networks, dataset, job_.evaluate.batch,
                                                 job_.seed, worker(), workers());
  sync_networks(/*training=*/true);
  return team_ ? team_->gather(inference) : inference;
}

Json Trainer::Impl::evaluate_split(const std::string& split, const Dataset& dataset) {
  const auto begin = TimeUse::Clock::now();
  const Inference inference = infer(dataset);
  evaluated_at_[split] = progress_.step;
  if (!is_first()) return {};
  Json metrics = evaluate(inference, dataset.spec(), loss_);
  Json evaluated = event("evaluate");
  evaluated["split"] = split;
  evaluated["metrics"] = metrics;
  evaluated["seconds"] = seconds_since(begin);
  emit(evaluated);
  evaluations_[split] = metrics;
  if (finished() && (split == "test" || !data_.test)) write_sample_predictions(dataset, inference);
  return metrics;
}

RunSummary Trainer::Impl::finish() {
  for (const auto& [split, dataset] :
       {std::pair{"validation", data_.validation}, std::pair{"test", data_.test}}) {
    if (!dataset || dataset->size() == 0) continue;
    const auto at = evaluated_at_.find(split);
    if (at == evaluated_at_.end() || at->second != progress_.step) evaluate_split(split, *dataset);
  }
  settle_checkpoints();
  sync_networks(/*training=*/false);
  RunSummary result;
  result.weights_sha256 = weights_->sha256();
  require_equal_weights(result.weights_sha256);
  result.model = columns_ ? whole_model() : replicas_[0]->network().module;
  if (columns_) result.weights_sha256 = sha256_of_whole(result.model);
  const Json workers_json = worker_reports();
  write_timeline();
  if (!is_first()) {
    result.json = {{"weights_sha256", result.weights_sha256}};
    return result;
  }
  result.json = summary(result.weights_sha256);
  if (options_.model_meta.contains("data")) result.json["data"] = options_.model_meta["data"];
  if (!server_report_.is_null()) result.json["servers"] = server_report_;
  if (team_) {
    result.json["workers"] = workers_json;
    result.json["communication"] = {{"transport", options_.group->transport()},
                                    {"bucket_bytes", team_->bucket_bytes()},
                                    {"buckets", team_->buckets()}};
    if (const Json compression = compression_json(); !compression.is_null())
      result.json["communication"]["compression"] = compression;
  }
  Json done = event("done");
  done["seconds"] = result.json["seconds"];
  done["samples_per_second"] = result.json["samples_per_second"];
  emit(done);
  if (options_.out.empty()) return result;
  Json meta = options_.model_meta;
  meta["step"] = progress_.step;
  meta["weights_sha256"] = result.weights_sha256;
  save_model(options_.out / "model.pt", *result.model, meta);
  write_file_atomically(options_.out / "summary.json", result.json.dump(2) + "\n");
  if (job_.report.html) write_html_report(options_.out);
  return result;
}

Json Trainer::Impl::summary(const std::string& sha256) const {
  const DataSpec& spec = data_.train->spec();
  Json final = {{"train_loss", last_loss_}};
  Json evaluation = Json::object();
  for (const auto& [split, metrics] : evaluations_) {
    add_final(final, split, metrics);
    evaluation[split] = metrics;
  }
  const double rate =
      meter_.seconds > 0 ? static_cast<double>(meter_.samples) / meter_.seconds : 0.0;
  return {{"name", job_.name},
          {"convoy", version},
          {"seed", job_.seed},
          {"replicas", pool_.size()},
          {"lanes", lanes_},
          {"batch", batch_},
          {"steps", progress_.step},
          {"epochs",
           static_cast<double>(progress_.step) / static_cast<double>(schedule_.steps_per_epoch())},
          {"samples", data_.train->size()},
          {"seconds", progress_.seconds + meter_.seconds},
          {"samples_per_second", rate},
          {"weights_sha256", sha256},
          {"parameters", parameter_count()},
          {"skipped_steps", progress_.skipped},
          {"peak_memory_bytes", peak_memory_bytes()},
          {"final", final},
          {"evaluation", evaluation},
          {"seconds_per_step", time_use_per_step(Meter{})},
          {"task", name_of(spec.task)},
          {"class_names", spec.class_names},
          {"environment", kernels_json(kernels())}};
}

void Trainer::Impl::write_sample_predictions(const Dataset& dataset, const Inference& inference) {
  if (options_.out.empty() || job_.report.samples == 0 || inference.samples.empty()) return;
  const torch::NoGradGuard no_grad;
  const std::vector<std::int64_t> rows =
      telling_rows(dataset.spec(), inference, job_.report.samples);
  write_samples(options_.out, dataset.spec(), dataset.read(rows),
                inference.outputs.index_select(0, torch::tensor(rows)));
}

}  // namespace convoy
