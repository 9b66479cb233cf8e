#include "convoy/train/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/metric/metric_kind.hpp"
#include "convoy/strategies/registry.hpp"
#include "data/partition/columns.hpp"
#include "data/partition/schedule.hpp"
#include "data/partition/values.hpp"
#include "train/run_identity.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

std::int64_t resolved_batch(const TrainerOptions& wanted, const TrainingData& data) {
  if (!data.train || data.train->size() == 0)
    throw InputError("data: there are no training samples");
  return batch_of(wanted.train, data.train->size());
}

std::unique_ptr<const SampleSchedule> schedule_for(const TrainerOptions& wanted,
                                                   const TrainingData& data) {
  const std::int64_t samples = data.train->size();
  const SampleValues values = values_looked_at(wanted.partition, data.values, samples, wanted.seed);
  return make_schedule(wanted.partition, wanted.train, wanted.seed, samples, values);
}

std::int64_t steps_to_run(const TrainerOptions& wanted, std::int64_t steps_per_epoch) {
  if (wanted.train.steps > 0) return wanted.train.steps;
  return std::max<std::int64_t>(
      1, std::llround(wanted.train.epochs * static_cast<double>(steps_per_epoch)));
}

std::string resolved_best_metric(const EvaluateOptions& evaluate, const DataSpec& spec) {
  if (evaluate.best != "auto") return evaluate.best;
  return std::string(default_metric(spec.task));
}

void require_fitting(const TrainerOptions& wanted, const RunOptions& options,
                     const StrategyTraits& traits) {
  if (traits.servers && (options.membership != nullptr || options.group))
    throw InputError(fmt::format("strategy.kind: {} is launched with: convoy launch --servers N",
                                 wanted.strategy.kind));
  const std::string& by = wanted.partition.by;
  const bool by_column = column_parts(wanted.partition).has_value();
  if (by_column != (options.columns != nullptr)) {
    throw InputError(by_column ? fmt::format("partition.by: {} needs RunOptions::columns", by)
                               : "RunOptions::columns needs partition.by: column");
  }
  if (!by_column) return;
  require_lasting_workers(wanted.partition, options.membership != nullptr);
  if (!traits.columns)
    throw InputError(fmt::format("partition.by: {} goes with strategy.kind {}, uncompressed", by,
                                 strategies_that_have(&StrategyTraits::columns)));
  if (!wanted.augment.empty())
    throw InputError(fmt::format(
        "augment: needs whole images, and partition.by is {}; remove one of the two", by));
}

RunRecorder::Options recorder_options(const TrainerOptions& wanted, const RunOptions& options,
                                      const DataSpec& spec) {
  RunRecorder::Options recorder;
  recorder.name = wanted.name;
  recorder.seed = wanted.seed;
  recorder.replicas = options.replicas;
  recorder.spec = spec;
  recorder.sample_predictions = wanted.sample_predictions;
  recorder.out = options.out;
  recorder.observers = options.observers;
  return recorder;
}

}  // namespace

std::int64_t resolved_lanes(const TrainOptions& train, std::int64_t samples) {
  return lanes_of(train, samples);
}

Trainer::Trainer(TrainerOptions wanted, ModelFactory factory, Loss loss, TrainingData data,
                 RunOptions options)
    : impl_(std::make_unique<Impl>(std::move(wanted), std::move(factory), std::move(loss),
                                   std::move(data), std::move(options))) {}
Trainer::~Trainer() = default;
RunSummary Trainer::run() {
  return impl_->run();
}

Trainer::Impl::Impl(TrainerOptions wanted, ModelFactory factory, Loss loss, TrainingData data,
                    RunOptions options)
    : wanted_(std::move(wanted)),
      loss_(std::move(loss)),
      data_(std::move(data)),
      options_(std::move(options)),
      batch_(resolved_batch(wanted_, data_)),
      lanes_(checked_lanes(wanted_.train, batch_)),
      schedule_(schedule_for(wanted_, data_)),
      total_steps_(steps_to_run(wanted_, schedule_->steps_per_epoch())),
      best_metric_(resolved_best_metric(wanted_.evaluate, data_.train->spec())) {
  const StrategyKind& kind = strategies().get(wanted_.strategy.kind);
  const StrategyTraits traits = kind.traits(wanted_.strategy);
  require_fitting(wanted_, options_, traits);
  identity_ = run_identity(wanted_, batch_, lanes_, data_.train->size(), loss_, options_.model_meta,
                           data_.values);
  data_.values = {};  // the schedule knows who gets what
  const int workers = options_.group ? options_.group->size() : 1;
  identity_.update(kind.identity(wanted_.strategy, options_.membership == nullptr ? workers : 0));
  if (!options_.trace.empty()) trace_ = std::make_unique<Trace>();
  session_ = make_session(
      {options_.stop, options_.leave, options_.group, options_.membership, options_.servers},
      traits.servers);
  strategy_ = make_strategy(std::move(factory));
  RunRecorder::Options recorder = recorder_options(wanted_, options_, data_.train->spec());
  recorder.steps = total_steps_;
  recorder.steps_per_epoch = schedule_->steps_per_epoch();
  recorder.batch = batch_;
  recorder.lanes = lanes_;
  recorder.samples = data_.train->size();
  recorder.parameters = strategy_->parameters();
  recorder_ = std::make_unique<RunRecorder>(std::move(recorder));
  if (options_.out.empty()) return;
  if (session_->records() && !session_->is_elastic()) require_writable_directory(options_.out);
  checkpoint_manager_ = make_checkpoint_manager();
}

std::unique_ptr<Strategy> Trainer::Impl::make_strategy(ModelFactory factory) {
  StrategySetup setup;
  setup.engine.factory = factory;
  setup.engine.seed = wanted_.seed;
  setup.engine.device = options_.device;
  setup.engine.replicas = options_.replicas;
  setup.engine.shared.dataset = data_.train;
  setup.engine.shared.schedule = schedule_.get();
  setup.engine.shared.loss = &loss_;
  setup.engine.shared.lanes = lanes_;
  setup.engine.shared.seed = wanted_.seed;
  setup.engine.shared.augmentation =
      std::make_shared<Augmentation>(wanted_.augment, data_.train->spec().feature_shape);
  setup.engine.shared.ahead = std::dynamic_pointer_cast<const ReadsAhead>(data_.train);
  setup.engine.optimizer = wanted_.train.optimizer;
  setup.engine.end = total_steps_;
  setup.engine.balance = wanted_.strategy.balance;
  setup.options = wanted_.strategy;
  setup.rules = {wanted_.train.schedule,      wanted_.train.optimizer.rate,
                 wanted_.train.clip,          wanted_.train.on_nonfinite == "skip",
                 wanted_.train.verify_every,  total_steps_,
                 schedule_->steps_per_epoch()};
  setup.control = session_.get();
  setup.trace = trace_.get();
  setup.elastic = session_->is_elastic();
  setup.columns = options_.columns;
  setup.group = session_->group();
  setup.whole_model = std::move(factory);
  setup.servers = options_.servers;
  setup.identity = identity_.dump() + options_.data_fingerprint;
  setup.slow_replica = options_.slow_replica;
  setup.slowness = options_.slowness;
  return strategies().get(wanted_.strategy.kind).make(std::move(setup));
}

std::unique_ptr<CheckpointManager> Trainer::Impl::make_checkpoint_manager() {
  CheckpointManager::Options options;
  options.out = options_.out;
  options.keep = wanted_.train.checkpoint.keep;
  options.keep_every = wanted_.train.checkpoint.keep_every;
  options.identity = identity_;
  options.model = options_.model_meta;
  options.on_written = [this](const WrittenCheckpoint& written) { recorder_->checkpoint(written); };
  return std::make_unique<CheckpointManager>(std::move(options));
}

RunSummary Trainer::Impl::run() {
  try {
    session_->compare_kernels(strategy_->traits().alike);
    while (!left_ && session_->enter()) {
      try {
        join_in();
        while (!finished() && !change_members_ && !left_) take_step();
        if (finished()) return finish();
        abort_group();
      } catch (const PeerError& error) {
        if (dynamic_cast<const DamagedMessageError*>(&error) != nullptr)
          damaged_message_ = error.what();
        abort_group();
        if (!session_->recover(error)) throw;
      }
    }
    session_->end();
    return {};  // it has left
  } catch (...) {
    session_->failed();
    throw;
  }
}

void Trainer::Impl::take_step() {
  const auto begin = Clock::now();
  StepOutcome outcome = strategy_->step(step_);
  uncounted_seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  change_members_ = outcome.request == Request::change_members;
  left_ = outcome.left;
  if (session_->takes_over()) {
    if (options_.take_over) options_.take_over(/*goes_on=*/true);
    if (!was_recorder_) take_over_served(outcome);
  }
  commit(outcome);
  last_outcome_ = std::move(outcome);
}

// What a step came to is counted and logged, and what is due after it is done.
void Trainer::Impl::commit(const StepOutcome& outcome) {
  if (outcome.skipped) recorder_->skipped(step_, *outcome.skipped);
  if (outcome.numbers) last_ = *outcome.numbers;
  if (session_->records() && step_ < outcome.step && !session_->is_elastic()) {
    for (Json& change : session_->changes("")) {
      Json event = recorder_->event(change["event"], step_);
      event.update(change);
      recorder_->emit(event);
    }
  }
  while (step_ < outcome.step) {
    const bool last = step_ + 1 == outcome.step;
    count_step(last, outcome);
    const std::int64_t counted = step_;
    if (last || outcome.approximate)
      between_steps();
    else
      log_step();
    due_done_ = step_;
    if (step_ < counted) return;  // taken back: what came since is done again
  }
  const bool alone = session_->group() == nullptr && !strategy_->traits().servers;
  const bool stop = outcome.request == Request::stop || (alone && session_->stop_requested());
  if (stop && !finished() && session_->evaluates()) stop_now();
}

void Trainer::Impl::count_step(bool last, const StepOutcome& outcome) {
  recorder_->count(schedule_->batch_size(step_), last ? std::exchange(uncounted_seconds_, 0) : 0);
  ++step_;
  if (const auto known = strategy_->numbers_of(step_)) last_ = *known;
  if (!last) return;
  flip_if_planned();
  if (outcome.broken) std::rethrow_exception(outcome.broken);
  if (!outcome.tuned.is_null()) {
    Json tuned = recorder_->event("tuned", step_);
    tuned.update(outcome.tuned);
    recorder_->emit(tuned);
  }
  if (outcome.moved) log_moved("lane times", *outcome.moved);
}

void Trainer::Impl::between_steps() {
  if (!session_->evaluates()) return;
  if (check_due() && !check_weights()) return;
  log_step();
  if (evaluation_due()) {
    const auto begin = Clock::now();
    const bool validate = data_.validation != nullptr;
    strategy_->with_model([&] {
      evaluate_split(validate ? "validation" : "test", validate ? *data_.validation : *data_.test);
    });
    show_on_timeline("evaluate", begin);
  }
  if (checkpoint_manager_) checkpoint_manager_->report_finished();
  if (checkpoint_due()) {
    const auto begin = Clock::now();
    write_checkpoint();
    show_on_timeline("checkpoint", begin);
  }
  overdue_ = false;
}

void Trainer::Impl::log_step() {
  if (!session_->evaluates()) return;
  if (step_ % std::max<std::int64_t>(1, wanted_.told_every) != 0 && !ended_epoch() && !finished())
    return;
  recorder_->step(step_, last_, strategy_->report(), strategy_->engine().total_time_use());
}

void Trainer::Impl::show_on_timeline(const char* name, Clock::time_point begin) {
  Engine& engine = strategy_->engine();
  for (int r = 0; r < engine.replicas(); ++r)
    engine.time_use(r).other(r == 0 ? name : nullptr, begin);
}

bool Trainer::Impl::evaluation_due() const {
  if (wanted_.evaluate.every <= 0 || (!data_.validation && !data_.test)) return false;
  const double per_epoch = static_cast<double>(schedule_->steps_per_epoch());
  const auto every = std::max<std::int64_t>(1, std::llround(wanted_.evaluate.every * per_epoch));
  return step_ % every == 0 || finished() || overdue_;
}

bool Trainer::Impl::checkpoint_due() const {
  if (!checkpoint_manager_) return false;
  const std::int64_t every = wanted_.train.checkpoint.every;
  return finished() || overdue_ || (every > 0 ? step_ % every == 0 : ended_epoch());
}

void Trainer::Impl::write_checkpoint() {
  strategy_->with_model([&] {
    checkpoint_manager_->write(*strategy_, session_->group(), step_, [&] {
      const StepCounts counts = strategy_->counts();
      Json meta;
      meta["progress"] = {{"updates", counts.updates},
                          {"skipped", counts.skipped},
                          {"seconds", earlier_seconds_ + recorder_->seconds()}};
      if (const Json best = best_metric(); !best.is_null()) meta["best_metric"] = best;
      return meta;
    });
  });
}

void Trainer::Impl::stop_now() {
  if (!checkpoint_manager_)
    throw Interrupted(fmt::format("stopped after step {}; nothing was kept", step_));
  if (!checkpoint_due()) write_checkpoint();
  checkpoint_manager_->settle();
  throw Interrupted(fmt::format("stopped after step {} of {}; a checkpoint is in {}", step_,
                                total_steps_, (options_.out / "checkpoints").string()));
}

}  // namespace convoy
