// Declared in server/task_queue.hpp.
// The task queue's state for a backup of shard 0.
#include <algorithm>

#include "convoy/lanes/tree.hpp"
#include "server/task_queue.hpp"

namespace convoy::server {
namespace {

constexpr std::int64_t most_steps_numbered = std::int64_t{1} << 51;
constexpr std::int64_t most_samples_summed = std::int64_t{1} << 61;

}  // namespace

void TaskQueue::save(SnapshotWriter& out) const {
  out.put(buffers_);
  out.put(counters_);
  out.put(next_counters_);
  out.put(members_);
  out.put(departed_);
  out.put(std::uint64_t{steps_.size()});
  for (const Step& step : steps_) save(out, step);
  out.put(next_);
  out.put(stop_);
  out.put(halted_);
  save(out, last_);
  out.put(loss_);
  out.put(done_by_);
}

// Sums of statistics are kept by node, and which nodes there are follows from the parts.
void TaskQueue::save(SnapshotWriter& out, const Step& step) {
  out.put(step.number);
  out.put(std::uint64_t{step.parts.size()});
  for (const Part& part : step.parts) {
    out.put(part.lanes);
    out.put(part.owner);
    out.put(part.taker);
    out.put(static_cast<std::uint8_t>(part.state));
  }
  out.put(step.losses);
  for (const auto& [first, sums] : step.buffers) out.put_all(std::span<const double>(sums));
  out.put(step.samples);
  out.put(step.settled);
  out.put(step.stop);
}

TaskQueue TaskQueue::restore(SnapshotReader& in, const ShardPlan& plan) {
  TaskQueue task_queue(plan, in.list<double>());
  task_queue.counters_ = in.text();
  task_queue.next_counters_ = in.text();
  task_queue.members_ = in.set<std::uint64_t>();
  task_queue.departed_ = in.set<std::uint64_t>();
  for (std::size_t left = in.count(sizeof(std::int64_t)); left > 0; --left)
    task_queue.steps_.push_back(task_queue.restore_step(in));
  task_queue.next_ = in.number(0, most_steps_numbered);
  task_queue.stop_ = in.flag();
  task_queue.halted_ = in.flag();
  task_queue.last_ = task_queue.restore_step(in);
  task_queue.loss_ = in.get<double>();
  task_queue.done_by_ = in.map<std::uint64_t, std::int64_t>();
  return task_queue;
}

TaskQueue::Step TaskQueue::restore_step(SnapshotReader& in) const {
  Step step;
  step.number = in.number(-1, most_steps_numbered);
  std::int64_t at = 0;
  for (std::size_t left = in.count(2 * sizeof(std::int64_t)); left > 0; --left) {
    Part part;
    part.lanes = in.lanes(plan_.lanes);
    part.owner = in.get<std::uint64_t>();
    part.taker = in.get<std::uint64_t>();
    const auto state = in.get<std::uint8_t>();
    if (part.lanes.begin != at || state > static_cast<std::uint8_t>(State::done))
      throw RequestError("a snapshot of impossible tasks");
    part.state = static_cast<State>(state);
    at = part.lanes.end;
    if (part.state == State::done)
      for (const Range& node : cover(plan_.lanes, part.lanes)) step.nodes.push_back(node);
    step.parts.push_back(part);
  }
  const bool none = step.number == -1;  // no step is over yet
  if (at != (none ? 0 : plan_.lanes)) throw RequestError("a snapshot of a step without lanes");
  step.losses = in.list<double>();
  if (step.losses.size() != static_cast<std::size_t>(none ? 0 : plan_.lanes))
    throw RequestError("a snapshot of impossible losses");
  for (const Range& node : step.nodes) step.buffers[node.begin] = in.list<double>(buffers_.size());
  step.samples = in.number(0, step.nodes.empty() ? 0 : most_samples_summed);
  step.settled = in.flag();
  step.stop = in.flag();
  return step;
}

}  // namespace convoy::server
