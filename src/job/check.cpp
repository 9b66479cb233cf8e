#include "job/check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "convoy/comm/compressions.hpp"
#include "convoy/core/error.hpp"
#include "convoy/loss/loss_kind.hpp"
#include "convoy/metric/metric_kind.hpp"
#include "convoy/model/model_kind.hpp"
#include "convoy/optim/optimizer.hpp"
#include "convoy/optim/schedule.hpp"
#include "convoy/strategies/registry.hpp"
#include "job/checker.hpp"
#include "schema/quote.hpp"

namespace convoy {

void JobChecker::check() const {
  check_name();
  check_sources();
  check_splits();
  check_csv();
  check_task();
  check_preprocess();
  check_partition();
  check_kind("model", models(), job_.model.kind, job_.model.own);
  if (job_.loss.kind != LossOptions{}.kind)
    check_kind("loss", losses(), job_.loss.kind, job_.loss.own);
  const OptimizerOptions& optimizer = job_.train.optimizer;
  check_kind("train.optimizer", optimizers(), optimizer.kind, optimizer.own);
  const ScheduleOptions& schedule = job_.train.schedule;
  check_kind("train.schedule", schedules(), schedule.kind, schedule.own);
  check_length();
  check_strategy();
}

void JobChecker::fail(std::string_view key, std::string_view problem,
                      const std::vector<std::string>& places) const {
  if (const schema::Node* node = document_.find(key)) document_.fail(*node, key, problem);
  for (const std::string& place : places) {
    if (const schema::Node* node = document_.find(place)) document_.fail(*node, key, problem);
  }
  document_.fail(schema::Node{}, key, problem);
}

void JobChecker::check_name() const {
  const bool bad = std::ranges::any_of(
      job_.name, [](unsigned char c) { return c < 0x20 || c == '/' || c == 0x7f; });
  if (bad || job_.name.empty() || job_.name.size() > 200 || job_.name.starts_with('.')) {
    fail("name",
         fmt::format("{} cannot name a folder; write 1 to 200 characters, no '/' and no '.' first",
                     schema::quote(job_.name)));
  }
}

void JobChecker::check_task() const {
  const DataOptions& data = job_.data;
  const bool classes = data.task == "classification" || data.task == "binary";
  if (classes && data.target.size() > 1) {
    fail("data.target",
         fmt::format("several columns only go with data.task regression, and it is {}", data.task));
  }
  if (data.classes == 1)
    fail("data.classes", "one class leaves nothing to predict; write 0 or at least 2");
  if (data.classes > 0 && data.task == "regression") {
    fail("data.classes", "counts classes, and data.task is regression; remove one of the two");
  }
  if (data.classes > 2 && data.task == "binary") {
    fail("data.classes",
         fmt::format("{} classes are not binary; set data.task to classification", data.classes));
  }
  for (const Task task : all_tasks) {
    if (data.task == name_of(task)) check_fits(task);
  }
}

void JobChecker::check_fits(Task task) const {
  const std::string& loss = job_.loss.kind;
  if (loss != LossOptions{}.kind && !fits_task(losses().get(loss), task)) {
    fail("loss",
         fmt::format("{} does not fit data.task {}; set loss to {}", loss, name_of(task),
                     default_loss(task).name),
         {"data.task"});
  }
  const std::string& best = job_.evaluate.best;
  std::vector<std::string_view> there = best_metrics(task);
  if (best == EvaluateOptions{}.best ||
      std::ranges::find(there, std::string_view(best)) != there.end())
    return;
  const std::string_view last = there.back();
  there.pop_back();
  fail("evaluate.best", fmt::format("{} does not exist for {}; write {} or {}", best, name_of(task),
                                    fmt::join(there, ", "), last));
}

void JobChecker::check_kind(const std::string& section, const schema::AnyRegistry& registry,
                            const std::string& kind, const schema::AnyOptions& options,
                            const std::string& kind_key) const {
  const schema::Registration& one = registry.need(kind);
  if (!one.problem) return;
  if (const auto found = one.problem(options)) {
    fail(fmt::format("{}.{}", section, found->key), found->text,
         {section + "." + kind_key, section});
  }
}

void JobChecker::check_strategy() const {
  try {
    bucket_bytes(job_.strategy);
  } catch (const InputError& error) {
    fail("strategy.bucket", error.what());
  }
  const StrategyOptions& strategy = job_.strategy;
  check_kind("strategy.compression", compressions(), strategy.compression.kind,
             strategy.compression.own);
  const StrategyKind& kind = strategies().get(strategy.kind);
  if (const auto found = kind.conflict ? kind.conflict(strategy) : std::nullopt)
    fail(found->key, found->problem, found->places);
  check_kind("strategy", strategies(), strategy.kind, strategy.own);
  if (kind.traits(strategy).own_steps && job_.train.verify_every > 0) {
    fail("train.verify_every",
         fmt::format("with strategy.kind {} workers have weights of their own between exchanges; "
                     "write 0",
                     strategy.kind),
         {"strategy.kind"});
  }
}

void JobChecker::check_length() const {
  const TrainOptions& train = job_.train;
  if (train.epochs == 0 && train.steps == 0) {
    fail("train.epochs", "0 epochs and 0 steps train nothing; set train.epochs or train.steps");
  }
  if (train.batch == 0 || train.batch >= train.lanes) return;
  const schema::Node* place = document_.find("train.batch");
  const schema::Node* lanes = document_.find("train.lanes");
  // Of two overrides or two lines of the file, lanes is the one to change; an override against
  // the file is to blame.
  if (place == nullptr ||
      (lanes != nullptr && (lanes->override_index >= 0 || place->override_index < 0)))
    place = lanes;
  document_.fail(
      *place, "",
      fmt::format(
          "train.batch {} is smaller than train.lanes {}: each lane needs at least one sample; "
          "set train.lanes to {} or less",
          train.batch, train.lanes, train.batch));
}

void check_combinations(const Job& job, const schema::Document& document) {
  JobChecker(job, document).check();
}

}  // namespace convoy
