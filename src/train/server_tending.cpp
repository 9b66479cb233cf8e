// Who tends a run with parameter servers: its log, evaluations and checkpoints. When that process
// is gone another one does, between two steps of its first worker.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "convoy/core/error.hpp"
#include "train/served.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds look_every{20};

Json told_of(const ServedWorker& process) {
  return {{"worker", process.rank}, {"host", process.host}};
}

// Steps that are over when a worker gets this.
std::int64_t steps_over(const ServerTurn& turn, const StrategyOptions& strategy) {
  return strategy.consistency == "bsp" || turn.finished ? turn.step : turn.whole;
}

}  // namespace

// The servers have what the run begins with when this returns.
void Trainer::Impl::await_beginning() {
  if (!options_.servers) return begin_serving();
  while (!options_.servers->begun()) {
    if (tends_ || (tends_ = options_.servers->tends())) {
      begin_serving();
      options_.servers->tell_begun();
      return;
    }
    if (options_.stop != nullptr && options_.stop->load())
      throw Interrupted("stopped before the first step; nothing was kept");
    std::this_thread::sleep_for(look_every);
  }
  // Who came in place of one that was lost, and tends the run already, finds out how far it is.
  tends_ = false;
}

void Trainer::Impl::begin_serving() {
  // One who tended the run may have been lost before it began.
  const bool again = options_.servers && !options_.servers->tended_before().empty();
  if (again && options_.take_over) options_.take_over(/*goes_on=*/true);
  const Json resumed = options_.resume ? resume() : Json();
  log_ = open_log();
  emit_start();
  if (!resumed.is_null()) emit(resumed);
  prepare_servers(*served_->workers[0], !resumed.is_null());
}

// `turn`: what this process is to do next, with the weights for it. The last steps are told from
// what it knows of them; an evaluation or a checkpoint that may have been due is made up for.
void Trainer::Impl::take_over_serving(ServerWorker& worker, const ServerTurn& turn) {
  tends_ = true;
  if (options_.take_over) options_.take_over(/*goes_on=*/true);
  const auto before = std::max<std::int64_t>(0, steps_over(turn, job_.strategy) - 1);
  const auto file = options_.out / "metrics.jsonl";
  const auto told = options_.out.empty() ? std::nullopt : told_so_far(file);
  progress_ = {};
  progress_.step = told ? std::min(told->step, before) : before;
  if (told) progress_.skipped = told->skipped;
  if (told) progress_.seconds = told->seconds - meter_.seconds;
  progress_.updates = progress_.step - progress_.skipped;
  if (!options_.out.empty()) log_ = continue_json_lines_log(file, progress_.step + 1);
  overdue_ = true;
  served_->since = TimeUse::Clock::now();
  served_->counted = worker.replica().time_use();
  for (const ServedWorker& process : options_.servers->processes(/*now=*/true))
    if (!process.gone || process.name == options_.servers->tended_before())
      served_->told.insert(process.name);
  emit_start();
  emit_processes();
}

// This process stopped, or failed, while it tended the run. Whoever took it over would meet with
// the same.
void Trainer::Impl::end_for_all() {
  if (!options_.servers) return;
  try {
    options_.servers->tell_over(/*finished=*/false);
  } catch (const Error&) {  // the rendezvous is lost: all end
  }
}

// Nobody goes before all is kept: whoever tends the run may be lost before that.
void Trainer::Impl::await_end(const ServerTurn& last) {
  while (!options_.servers->finished()) {
    if (options_.servers->tends()) {
      ServerWorker& worker = *served_->workers[0];
      take_over_serving(worker, last);
      return tend(worker, last);
    }
    if (options_.stop != nullptr && options_.stop->load()) return;
    std::this_thread::sleep_for(look_every);
  }
}

// What is due after the steps that are over by now.
void Trainer::Impl::tend(ServerWorker& worker, const ServerTurn& turn) {
  const bool together = job_.strategy.consistency == "bsp";
  const std::int64_t now = steps_over(turn, job_.strategy);
  if (turn.whole > progress_.step) last_loss_ = turn.loss;
  if (progress_.step < now) emit_processes();
  while (progress_.step < now) {
    meter_.samples += schedule_.batch_size(progress_.step);
    ++meter_.steps;
    ++progress_.step;
    progress_.updates = progress_.step - progress_.skipped;
    const bool current = progress_.step == now;
    if (current) {
      count_time(worker);
      stop_asked_ = turn.stop;
    }
    tend_step(worker, current || !together);
  }
  if (!turn.stop || finished()) return;
  stop_asked_ = true;  // no step was begun since
  copy_from(worker, /*with_states=*/true);
  stop_if_asked();
}

// `current`: the worker has the weights of this step. In bsp it lacks them only of those that
// nobody told of because the one who tended the run was lost.
void Trainer::Impl::tend_step(ServerWorker& worker, bool current) {
  if (const auto known = served_->recent.find(progress_.step); known != served_->recent.end()) {
    last_loss_ = known->second.loss;
    last_rate_ = known->second.rate;
    last_norm_ = known->second.norm;
  }
  if (!current) return tell_step();
  const bool keeps = checkpoint_due() || (stop_asked_ && !finished());
  if (keeps || evaluation_due() || finished()) copy_from(worker, keeps);
  between_steps();
  overdue_ = false;
  served_->since = TimeUse::Clock::now();
}

// Which processes have come and gone.
void Trainer::Impl::emit_processes() {
  if (!options_.servers) return;
  std::set<std::string>& told = served_->told;
  const bool begins = told.empty();
  const std::vector<ServedWorker> all = options_.servers->processes(/*now=*/begins);
  const auto there = std::count_if(all.begin(), all.end(),
                                   [](const ServedWorker& process) { return !process.gone; });
  for (const ServedWorker& process : all) {
    if (process.gone ? !told.contains(process.name) : !told.insert(process.name).second) continue;
    if (process.gone) told.erase(process.name);
    if (begins) continue;
    Json one = event(process.gone ? "lost" : "joined");
    one.update(told_of(process));
    one["workers"] = there;
    emit(one);
  }
}

}  // namespace convoy
