// What is kept of a run while it goes on, and what its workers tell at the end.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "checkpoint/inspect.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/report/metrics.hpp"
#include "core/kernel_card.hpp"
#include "core/machine.hpp"
#include "core/tensor_bytes.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

// Where this worker has the whole state it is copied here, and written in the background.
void Trainer::Impl::write_checkpoint() {
  const bool whole = kept_by_first();
  if (whole && !is_first()) return;
  const auto begin = TimeUse::Clock::now();
  TrainingState state = copy_state();
  if (whole) {
    if (!writer_) writer_ = std::make_unique<CheckpointWriter>(*checkpoints_);
    writer_->submit(std::move(state), begin);
    return;
  }
  WrittenCheckpoint written = save_with_shards(state);
  if (!is_first()) return;
  written.seconds = std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
  written.stall_seconds = written.seconds;
  tell_checkpoint(written);
}

// What training changes is copied; the optimizer's state only where this worker has all of it.
TrainingState Trainer::Impl::copy_state() {
  std::vector<torch::Tensor> states;
  if (sharing_ && is_first()) states = sharing_->states();
  for (const torch::Tensor& state : states_) {
    if (own_steps() || !is_first()) break;
    if (replicated()) {
      states.push_back(state.clone());
    } else if (!team_) {
      states.push_back(torch::empty({weights_->size()}));
      expand_state(reduction_->blocks(), 0, state, states.back());
    }
  }
  Progress progress = progress_;
  progress.seconds += meter_.seconds;  // all of the run's, wherever it goes on
  TrainingState state = capture_state(*weights_, states, progress);
  if (columns_) add_columns(state);
  state.meta["identity"] = identity_;
  state.meta["kernels"] = kernels_json(kernels());
  state.meta["model"] = options_.model_meta;
  if (own_steps() && kept_by_first()) {
    for (const auto& [name, tensor] : own_state())
      state.tensors.emplace_back("worker0/" + name, tensor.clone());
  }
  const std::string split = data_.validation ? "validation" : "test";
  if (const auto at = evaluated_at_.find(split);
      is_first() && at != evaluated_at_.end() && at->second == progress_.step) {
    const Json& metrics = evaluations_[split];
    if (metrics.contains(best_metric_)) {
      state.meta["best_metric"] = {{"split", split},
                                   {"name", best_metric_},
                                   {"value", metrics[best_metric_]},
                                   {"higher_is_better", higher_is_better(best_metric_)}};
    }
  }
  return state;
}

void Trainer::Impl::tell_checkpoint(const WrittenCheckpoint& written) {
  if (!written.error.empty()) {
    Json failed = event("checkpoint_failed", written.step);
    failed["reason"] = written.error;
    emit(failed);
    return;
  }
  Json told = event("checkpoint", written.step);
  told["path"] = "checkpoints/" + written.path.filename().string();
  told["best"] = written.best;
  told["seconds"] = written.seconds;
  told["stall_seconds"] = written.stall_seconds;
  told["bytes"] = written.bytes;
  emit(told);
}

// What came of those written in the background.
void Trainer::Impl::tell_checkpoints() {
  if (!writer_) return;
  for (const WrittenCheckpoint& written : writer_->take_finished()) tell_checkpoint(written);
}

// At the end: the last state must have been kept.
void Trainer::Impl::settle_checkpoints() {
  if (!writer_) return;
  try {
    writer_->wait_for_last();
  } catch (const IoError&) {
    tell_checkpoints();
    throw;
  }
  tell_checkpoints();
}

// All workers write their part of the optimizer's state, then worker 0 the rest: until that is
// there, the parts are no checkpoint.
WrittenCheckpoint Trainer::Impl::save_with_shards(const TrainingState& state) {
  const bool shared = folder_is_shared();
  ShardFile own;
  team_->agree([&] {
    const Shard shard = own_shard();
    if (shared || is_first())
      own = checkpoints_->save_shard(shard, progress_.step, worker(), workers());
  });
  if (!shared) collect_shards();
  const auto all = options_.group->all_gather(Json{{"name", own.name}, {"xxh3", own.xxh3}}.dump());
  if (!is_first()) {
    if (own_steps()) options_.group->barrier();  // not ahead of worker 0, which removes leftovers
    return {};
  }
  std::vector<ShardFile> shards;
  for (int w = 0; w < workers(); ++w) {
    const Json shard = Json::parse(all[w]);
    shards.push_back({shard["name"], shard["xxh3"]});
    if (!shared && w > 0) shards.back() = collected_[w];
  }
  WrittenCheckpoint written;
  written.step = state.step;
  written.path = checkpoints_->save(state, shards);
  written.best = checkpoints_->best() == written.path;
  written.bytes = checkpoint_bytes(written.path);
  if (own_steps()) options_.group->barrier();
  return written;
}

// Worker 0 writes the parts of workers that do not see its folder.
void Trainer::Impl::collect_shards() {
  constexpr int shard_tag = 3;
  Communicator& group = *options_.group;
  const Shard mine = own_shard();
  const std::vector<std::string> described = group.all_gather(describe_shard(mine));
  collected_.assign(static_cast<std::size_t>(workers()), {});
  std::exception_ptr failed;  // the others must get rid of theirs all the same
  if (!is_first()) {
    for (const torch::Tensor& tensor : tensors_of(mine)) group.send(0, shard_tag, bytes_of(tensor));
  }
  for (int w = 1; is_first() && w < workers(); ++w) {
    Shard theirs = shard_like(described[static_cast<std::size_t>(w)]);
    for (const torch::Tensor& tensor : tensors_of(theirs))
      group.recv(w, shard_tag, bytes_of(tensor));
    if (failed) continue;
    try {
      if (!keeps_own_state())
        theirs.pieces = make_shard(reduction_->blocks(), *weights_, w, theirs.arrays).pieces;
      collected_[w] = checkpoints_->save_shard(theirs, progress_.step, w, workers());
    } catch (...) {
      failed = std::current_exception();
    }
  }
  team_->agree([&] {
    if (failed) std::rethrow_exception(failed);
  });
}

// Whether all workers see the folder that worker 0 writes to: tried once, with a file.
bool Trainer::Impl::folder_is_shared() {
  if (folder_shared_) return *folder_shared_;
  namespace fs = std::filesystem;
  Communicator& group = *options_.group;
  fs::path probe;
  team_->agree([&] {
    if (!is_first()) return;
    probe = options_.out / fmt::format(".shared-{}-{}", ::getpid(), progress_.step);
    write_file_atomically(probe, "whether all workers see this folder\n");
  });
  const std::string name = group.all_gather(probe.filename().string())[0];
  std::error_code ignored;
  const bool seen = fs::exists(options_.out / name, ignored);
  bool all = true;
  for (const std::string& answer : group.all_gather(seen ? "yes" : "no")) all &= answer == "yes";
  if (is_first()) fs::remove(probe, ignored);
  folder_shared_ = all;
  return all;
}

void Trainer::Impl::write_timeline() {
  if (!trace_) return;
  const std::string own = trace_->serialise();
  const std::vector<std::string> parts =
      team_ ? options_.group->all_gather(own) : std::vector<std::string>{own};
  if (is_first()) write_trace(options_.trace, parts);
}

Trainer::Impl::Json Trainer::Impl::worker_reports() {
  if (!team_) return {};
  std::int64_t state_bytes = 0;
  for (const torch::Tensor& state : states_)
    state_bytes += static_cast<std::int64_t>(state.nbytes());
  const Range lanes = worker_lanes_[worker()];
  Json own = {{"worker", worker()},
              {"host", host_name()},
              {"lanes", lanes.size()},
              {"peak_memory_bytes", peak_memory_bytes()},
              {"optimizer_state_bytes", state_bytes},
              {"skipped_steps", progress_.skipped},
              {"bytes_sent_per_step", team_->step_bytes()},
              {"other_bytes_sent_per_step", team_->other_bytes()}};
  if (columns_) add_column_report(own);
  Json all = Json::array();
  for (const std::string& text : options_.group->all_gather(own.dump()))
    all.push_back(Json::parse(text));
  return all;
}

void Trainer::Impl::require_equal_weights(const std::string& sha256) {
  if (!team_) return;
  const std::vector<std::string> all = options_.group->all_gather(sha256);
  for (int w = 1; w < workers(); ++w) {
    if (all[w] != all[0])
      throw PeerError(w, fmt::format("worker {} ended with other weights than worker 0: {} there, "
                                     "{} here; a memory or network fault, or a model that is not "
                                     "deterministic",
                                     w, all[w], all[0]));
  }
}

}  // namespace convoy
