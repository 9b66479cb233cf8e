#include "convoy/train/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/report/metrics.hpp"
#include "core/kernel_card.hpp"
#include "data/partition/schedule.hpp"
#include "data/partition/values.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

std::int64_t resolved_batch(const Job& job, const TrainingData& data) {
  if (!data.train || data.train->size() == 0)
    throw InputError("data: there are no training samples");
  return batch_of(job.train, data.train->size());
}

SampleValues values_of_samples(const Job& job, const TrainingData& data) {
  if (job.partition.by != "value" && job.partition.by != "size") return {};
  require_values(data.values, data.train->size());
  if (job.partition.by == "size") return {{}, {}, sample_sizes(data.values)};
  return sample_values(data.values, job.seed, job.partition.assign == "hash");
}

std::int64_t steps_to_run(const Job& job, std::int64_t steps_per_epoch) {
  if (job.train.steps > 0) return job.train.steps;
  return std::max<std::int64_t>(
      1, std::llround(job.train.epochs * static_cast<double>(steps_per_epoch)));
}

int checked_replicas(int replicas) {
  if (replicas >= 1) return replicas;
  throw InputError(fmt::format("--replicas: {} is not possible; give 1 or more", replicas));
}

std::string resolved_best_metric(const EvaluateOptions& evaluate, const DataSpec& spec) {
  if (evaluate.best != "auto") return evaluate.best;
  return spec.task == Task::regression ? "rmse" : "accuracy";
}

// Networks are made under a generator of their own: constructors draw the same initial weights in
// every run.
Network make_network(const ModelFactory& factory, std::uint64_t seed) {
  const LaneRandom random(derive_seed(seed, RandomPurpose::initialise));
  return factory();
}

}  // namespace

std::int64_t resolved_lanes(const TrainOptions& train, std::int64_t samples) {
  return lanes_of(train, samples);
}

Trainer::Trainer(Job job, ModelFactory factory, Loss loss, TrainingData data, RunOptions options)
    : impl_(std::make_unique<Impl>(std::move(job), std::move(factory), std::move(loss),
                                   std::move(data), std::move(options))) {}
Trainer::~Trainer() = default;
RunSummary Trainer::run() {
  return impl_->run();
}

Trainer::Impl::Impl(Job job, ModelFactory factory, Loss loss, TrainingData data, RunOptions options)
    : job_(std::move(job)),
      factory_(std::move(factory)),
      loss_(std::move(loss)),
      data_(std::move(data)),
      options_(std::move(options)),
      batch_(resolved_batch(job_, data_)),
      lanes_(checked_lanes(job_.train, batch_)),
      schedule_(schedule_options(job_.partition, job_.train, job_.seed, data_.train->size(),
                                 values_of_samples(job_, data_))),
      total_steps_(steps_to_run(job_, schedule_.steps_per_epoch())),
      optimizer_(make_optimizer(job_.train.optimizer)),
      pool_(checked_replicas(options_.replicas)),
      lane_results_(static_cast<std::size_t>(lanes_)),
      best_metric_(resolved_best_metric(job_.evaluate, data_.train->spec())) {
  if (options_.servers) tends_ = options_.servers->tends();
  identity_ = run_identity(job_, batch_, lanes_, data_.train->size(), loss_.name,
                           options_.model_meta, data_.values);
  data_.values = {};  // the schedule knows who gets what
  require_fitting_columns();
  make_replicas();
  make_strategy();
  start_trace();
  if (options_.membership == nullptr) make_reduction();
  if (options_.out.empty()) return;
  if (is_first() && options_.membership == nullptr) require_writable_directory(options_.out);
  checkpoints_.emplace(options_.out / "checkpoints", job_.train.checkpoint.keep,
                       job_.train.checkpoint.keep_every);
}

void Trainer::Impl::make_replicas() {
  const bool by_column = options_.columns != nullptr;
  const ModelFactory& factory = by_column ? options_.columns->model.head : factory_;
  Network first = make_network(factory, job_.seed);
  weights_ = std::make_unique<SharedWeights>(*first.module);
  shared_ = {data_.train,
             &schedule_,
             weights_.get(),
             &loss_,
             lanes_,
             job_.seed,
             std::make_shared<Augmentation>(job_.augment, data_.train->spec().feature_shape),
             std::dynamic_pointer_cast<const ReadsAhead>(data_.train)};
  if (by_column) make_columns();
  replicas_.push_back(std::make_unique<Replica>(std::move(first), shared_));
  while (static_cast<int>(replicas_.size()) < pool_.size()) {
    const int number = static_cast<int>(replicas_.size());
    replicas_.push_back(
        std::make_unique<Replica>(make_network(factory, job_.seed), shared_, number));
  }
  if (!columns_) return;
  std::vector<TimeUse*> time_use;
  for (auto& replica : replicas_) time_use.push_back(&replica->time_use());
  columns_->count_in(std::move(time_use));
}

Network Trainer::Impl::replica_network() const {
  return make_network(factory_, job_.seed);
}

// As before the first step.
void Trainer::Impl::forget_state() {
  const torch::NoGradGuard no_grad;
  const SharedWeights fresh(*make_network(factory_, job_.seed).module);
  std::copy_n(fresh.data(), fresh.size(), weights_->data());
  for (std::size_t i = 0; i < fresh.buffers().size(); ++i)
    weights_->buffers()[i].tensor.copy_(fresh.buffers()[i].tensor);
  for (const torch::Tensor& state : states_) state.zero_();
  forget_residuals();
  progress_ = {};
  met_ = 0;
  failure_.clear();
  averaging_.reset();
  if (own_steps()) enter_strategy();
}

void Trainer::Impl::make_reduction() {
  worker_lanes_ = even_ownership(lanes_, workers());
  team_.reset();
  enter_strategy();
  build_reduction();
  parallel_known_ = false;
  worker_seconds_.assign(static_cast<std::size_t>(workers()), 0);
  start_worker_balancing(std::vector<int>(static_cast<std::size_t>(workers()), pool_.size()));
  start_replica_balancing();
}

void Trainer::Impl::build_reduction() {
  const Range own = worker_lanes_[worker()];
  const bool together = !own_steps();
  auto reduction = std::make_unique<Reduction>(
      make_blocks(*weights_, together ? workers() : 1,
                  replicated() ? StateLayout::replicated : StateLayout::sharded),
      lanes_,
      Reduction::Owner{together ? worker() : 0, together ? workers() : 1, own, pool_.size(),
                       replicated()});
  const std::int64_t kept =
      replicated() ? weights_->size() : state_size(reduction->blocks(), worker());
  while (!sharing_ && static_cast<int>(states_.size()) < optimizer_->states())
    states_.push_back(torch::zeros({kept}));
  if (workers() == 1) {
    reduction_ = std::move(reduction);
    return;
  }
  const auto busy = static_cast<int>(std::min<std::int64_t>(pool_.size(), own.size()));
  auto team = std::make_unique<TrainingGroup>(
      *options_.group, *weights_, *reduction,
      TrainingGroup::Options{lanes_, worker_lanes_, busy, bucket_bytes(job_.strategy), trace_.get(),
                             replicated(), sums_.get(), own_steps(), team_.get()});
  team_ = std::move(team);  // the one before goes before its reduction
  reduction_ = std::move(reduction);
  if (sharing_) team_->use_host_sums(sharing_->sums());
}

void Trainer::Impl::start_trace() {
  if (options_.trace.empty()) return;
  trace_ = std::make_unique<Trace>();
  for (std::size_t r = 0; r < replicas_.size(); ++r)
    replicas_[r]->time_use().trace_on(&trace_->track(fmt::format("replica {}", r)));
}

RunSummary Trainer::Impl::run() {
  if (job_.strategy.kind == "parameter_server") return run_served();
  if (options_.membership != nullptr) return run_elastic();
  compare_kernels();
  const Json resumed = options_.resume ? resume() : Json();
  log_ = open_log();
  emit_start();
  if (!resumed.is_null()) emit(resumed);
  train_to_end();
  return finish();
}

std::unique_ptr<Observer> Trainer::Impl::open_log() {
  if (options_.out.empty() || !is_first()) return nullptr;
  return json_lines_log(options_.out / "metrics.jsonl", progress_.step);
}

Trainer::Impl::Json Trainer::Impl::resume() {
  if (!checkpoints_) throw InputError("--resume needs the run's folder (--out)");
  if (!team_) {
    Json alone = restore_newest();
    if (columns_ && !alone.is_null()) share_restored();
    restore_own_state();
    return alone;
  }
  Json resumed;
  if (is_first()) resumed = restore_newest();
  std::string text = Json{{"event", resumed},
                          {"step", progress_.step},
                          {"updates", progress_.updates},
                          {"skipped", progress_.skipped},
                          {"seconds", progress_.seconds}}
                         .dump();
  const Json first = Json::parse(options_.group->all_gather(text)[0]);
  progress_ = {first["step"], first["updates"], first["skipped"], first["seconds"]};
  if (first["event"].is_null()) return resumed;
  share_restored();
  restore_own_state();
  return resumed;
}

// What worker 0 has read, to all.
void Trainer::Impl::share_restored() {
  if (columns_) columns_->layer().scatter(std::exchange(full_columns_, {}));
  if (!team_) return;
  std::vector<torch::Tensor> none;
  if (replicated())
    team_->distribute_from(0, *weights_, own_steps() ? none : states_);
  else
    team_->distribute(*weights_, full_states_, states_);
  full_states_.clear();
}

// Reads the newest checkpoint that is whole; null if there is none: stopped before its first one,
// the run begins again. The optimizer's state is left in full_states_ for all workers' owners.
Trainer::Impl::Json Trainer::Impl::restore_newest() {
  if (writer_) writer_->wait();
  auto loaded = checkpoints_->load_newest();
  if (!loaded) return {};
  for (const std::string& line : loaded->damaged)
    fmt::print(stderr, "convoy: {}; using an older one\n", line);
  require_same_identity(loaded->state.meta.value("identity", Json()), identity_,
                        loaded->path.string());
  const std::string other = kernel_difference_to(loaded->state.meta.value("kernels", Json()));
  if (!other.empty()) fmt::print(stderr, "convoy: {}: {}\n", loaded->path.string(), other);
  if (columns_) take_out_columns(loaded->state, loaded->path.string());
  take_out_own_state(loaded->state);
  full_states_.clear();
  for (std::size_t k = 0; k < states_.size() && !own_steps(); ++k)
    full_states_.push_back(torch::zeros({weights_->size()}));
  progress_ = restore_state(loaded->state, loaded->path.string(), *weights_, full_states_);
  for (std::size_t k = 0; k < full_states_.size(); ++k) {
    states_[k] = replicated() ? full_states_[k]
                              : compact_state(reduction_->blocks(), worker(), full_states_[k]);
  }
  if (!team_) full_states_.clear();
  Json resumed = event("resumed");
  resumed["from"] = loaded->path.filename().string();
  if (!loaded->damaged.empty()) resumed["damaged"] = loaded->damaged;
  if (!other.empty()) resumed["other_kernels"] = other;
  return resumed;
}

void Trainer::Impl::own_lanes() {
  const Range own = worker_lanes_[worker()];
  const std::vector<Range> parts = ownership_of(replica_counts_);
  sync_networks(/*training=*/true);
  if (columns_) columns_->own(progress_.step, total_steps_);
  for (int r = 0; r < pool_.size(); ++r) {
    const Range part = parts[static_cast<std::size_t>(r)];
    replicas_[r]->own({own.begin + part.begin, own.begin + part.end}, progress_.step, total_steps_);
  }
}

void Trainer::Impl::train_to_end() {
  own_lanes();
  while (!finished()) {
    step();
    between_steps();
  }
}

void Trainer::Impl::between_steps() {
  if (verification_due() && !verify_weights()) return;
  tell_step();
  if (evaluation_due()) {
    const auto begin = TimeUse::Clock::now();
    const bool validate = data_.validation != nullptr;
    with_model([&] {
      evaluate_split(validate ? "validation" : "test", validate ? *data_.validation : *data_.test);
    });
    show_on_timeline("evaluate", begin);
  }
  tell_checkpoints();
  if (checkpoint_due()) {
    const auto begin = TimeUse::Clock::now();
    with_model([&] { write_checkpoint(); });
    show_on_timeline("checkpoint", begin);
  }
  stop_if_asked();
}

void Trainer::Impl::tell_step() {
  if (progress_.step % std::max<std::int64_t>(1, job_.report.every) == 0 || ended_epoch() ||
      finished())
    emit_step();
}

void Trainer::Impl::show_on_timeline(const char* name, TimeUse::Clock::time_point begin) {
  for (std::size_t r = 0; r < replicas_.size(); ++r)
    replicas_[r]->time_use().other(r == 0 ? name : nullptr, begin);
}

bool Trainer::Impl::evaluation_due() const {
  if (job_.evaluate.every <= 0 || (!data_.validation && !data_.test)) return false;
  const double per_epoch = static_cast<double>(schedule_.steps_per_epoch());
  const auto every = std::max<std::int64_t>(1, std::llround(job_.evaluate.every * per_epoch));
  return progress_.step % every == 0 || finished() || overdue_;
}

bool Trainer::Impl::checkpoint_due() const {
  if (!checkpoints_) return false;
  const std::int64_t every = job_.train.checkpoint.every;
  return finished() || overdue_ || (every > 0 ? progress_.step % every == 0 : ended_epoch());
}

void Trainer::Impl::stop_if_asked() {
  const bool asked =
      team_ || served_ != nullptr ? stop_asked_ : options_.stop != nullptr && options_.stop->load();
  if (!asked || finished()) return;
  if (!checkpoints_)
    throw Interrupted(fmt::format("stopped after step {}; nothing was kept", progress_.step));
  if (!checkpoint_due()) with_model([&] { write_checkpoint(); });
  settle_checkpoints();
  throw Interrupted(fmt::format("stopped after step {} of {}; a checkpoint is in {}",
                                progress_.step, total_steps_,
                                (options_.out / "checkpoints").string()));
}

}  // namespace convoy
