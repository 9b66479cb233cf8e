#include "server/task_queue.hpp"

#include <algorithm>

#include "convoy/lanes/tree.hpp"

namespace convoy::server {
namespace {

constexpr std::size_t most_members = 1 << 16;
constexpr std::int64_t most_samples = std::int64_t{1} << 40;  // of a task

}  // namespace

TaskQueue::TaskQueue(const ShardPlan& plan, std::vector<double> buffers)
    : plan_(plan), buffers_(std::move(buffers)), next_(plan.first_step) {
  last_.number = -1;
}

bool TaskQueue::Step::whole() const {
  return std::all_of(parts.begin(), parts.end(),
                     [](const Part& part) { return part.state == State::done; });
}

// bsp: one step is under way; ssp: so many as a worker may be ahead; async: as
// many as are needed for everybody to have a task.
void TaskQueue::open_steps() {
  const std::int64_t first = steps_.empty() ? next_ : steps_.front().number;
  const auto more = [&] {
    if (steps_.empty()) return true;
    if (bsp()) return false;
    if (!async()) return next_ <= first + plan_.options.staleness;
    return std::none_of(steps_.begin(), steps_.end(), [](const Step& step) {
      return std::any_of(step.parts.begin(), step.parts.end(),
                         [](const Part& part) { return part.state == State::open; });
    });
  };
  const bool enough =
      next_ > plan_.first_step || static_cast<std::int64_t>(members_.size()) >= plan_.workers;
  while (next_ < plan_.steps && !halted_ && enough && !members_.empty() && more()) {
    Step step;
    step.number = next_++;
    step.losses.assign(static_cast<std::size_t>(plan_.lanes), 0);
    const auto parts =
        std::min<std::int64_t>(plan_.lanes, static_cast<std::int64_t>(members_.size()));
    auto member = members_.begin();
    for (const Range& lanes : even_ownership(plan_.lanes, parts))
      step.parts.push_back({lanes, async() ? 0 : *member++});
    steps_.push_back(std::move(step));
  }
}

const TaskQueue::Step* TaskQueue::step_of(std::int64_t number) const {
  return const_cast<TaskQueue*>(this)->step_of(number);
}

void TaskQueue::request_stop() {
  stop_ = true;
  if (!bsp()) halted_ = true;
}

TaskQueue::Step* TaskQueue::step_of(std::int64_t number) {
  const auto found = std::find_if(steps_.begin(), steps_.end(),
                                  [&](const Step& step) { return step.number == number; });
  return found == steps_.end() ? nullptr : &*found;
}

std::optional<Range> TaskQueue::find_part(const Step& step, std::uint64_t worker) const {
  for (const Part& part : step.parts) {
    if (part.state == State::taken && part.taker == worker) return part.lanes;  // asked again
  }
  for (const Part& part : step.parts) {
    const bool mine = part.owner == 0 || part.owner == worker || !members_.contains(part.owner);
    if (part.state == State::open && mine) return part.lanes;
  }
  return std::nullopt;
}

void TaskQueue::give(Step& step, Range lanes, std::uint64_t worker) {
  for (Part& part : step.parts) {
    if (part.lanes != lanes) continue;
    part.state = State::taken;
    part.taker = worker;
  }
}

void TaskQueue::fill(Message& answer) const {
  answer.numbers = {loss_, static_cast<double>(steps_.empty() ? next_ : steps_.front().number)};
  answer.numbers.insert(answer.numbers.end(), buffers_.begin(), buffers_.end());
  answer.text = counters_;
}

// What a lost worker had sent may be read after it was found to be lost.
void TaskQueue::require_present(const Message& request) const {
  if (departed_.contains(request.worker))
    throw RequestError("this worker was declared lost; start it anew");
}

bool TaskQueue::take(const Message& request, std::int64_t version, Message& answer) {
  require_present(request);
  if (members_.size() >= most_members) throw RequestError("too many workers");
  if (members_.insert(request.worker).second) done_by_[request.worker] = 0;
  if (request.has(Flag::stop)) request_stop();
  retire();
  open_steps();
  if (steps_.empty() && !halted_ && next_ < plan_.steps) return false;  // the others are to come
  if (steps_.empty()) {
    fill(answer);
    answer.step = next_;
    answer.flags |= Flag::finished;
    if (halted_) answer.flags |= Flag::stop;
    return true;
  }
  for (Step& step : steps_) {
    if (bsp() && version < step.number) return false;
    const auto lanes = find_part(step, request.worker);
    if (!lanes && !bsp()) continue;
    fill(answer);
    answer.step = step.number;
    answer.lanes = lanes.value_or(Range{});
    if (lanes) give(step, *lanes, request.worker);
    return true;
  }
  return false;
}

void TaskQueue::describe(Message& assigned) const {
  const Step* step = step_of(assigned.step);
  if (step == nullptr) return;
  for (const Part& part : step->parts) {
    assigned.rows.push_back(part.owner);
    assigned.numbers.push_back(static_cast<double>(part.lanes.end));
  }
}

void TaskQueue::assigned(const Message& request) {
  const std::vector<Part> parts = parts_of(request);
  // That a worker is gone a backup may know before the primary, whose decision about it counts no
  // more.
  const bool departed = departed_.contains(request.worker);
  if (!departed && members_.insert(request.worker).second) done_by_[request.worker] = 0;
  retire();
  for (; next_ <= request.step && next_ < plan_.steps; ++next_) {
    Step step;
    step.number = next_;
    step.losses.assign(static_cast<std::size_t>(plan_.lanes), 0);
    step.parts = parts;
    steps_.push_back(std::move(step));
  }
  Step* step = step_of(request.step);
  if (step != nullptr && !departed) give(*step, request.lanes, request.worker);
}

// The tasks of a step, which are all of its lanes.
std::vector<TaskQueue::Part> TaskQueue::parts_of(const Message& assigned) const {
  std::vector<Part> parts;
  if (assigned.rows.size() != assigned.numbers.size()) throw RequestError("a task of no step");
  std::int64_t begin = 0;
  for (std::size_t p = 0; p < assigned.rows.size(); ++p) {
    const double last = assigned.numbers[p];
    if (!(last >= static_cast<double>(begin + 1) && last <= static_cast<double>(plan_.lanes)))
      throw RequestError("a task of no lanes");
    const auto end = static_cast<std::int64_t>(last);
    parts.push_back({{begin, end}, assigned.rows[p]});
    begin = end;
  }
  if (begin < plan_.lanes) throw RequestError("a step of which lanes are missing");
  return parts;
}

void TaskQueue::report(const Message& request) {
  if (request.has(Flag::stop)) request_stop();
  Step* step = step_of(request.step);
  if (step == nullptr || request.lanes.empty()) return;
  const auto part = std::find_if(step->parts.begin(), step->parts.end(),
                                 [&](const Part& p) { return p.lanes == request.lanes; });
  if (part == step->parts.end()) throw RequestError("a report of lanes that nobody was given");
  if (part->state == State::done) return;
  const std::vector<Range> nodes = cover(plan_.lanes, request.lanes);
  const auto lanes = static_cast<std::size_t>(request.lanes.size());
  if (request.numbers.size() != lanes + nodes.size() * buffers_.size() ||
      request.count > most_samples)
    throw RequestError("a report of the wrong size");
  part->state = State::done;
  ++done_by_[request.worker];
  std::copy_n(request.numbers.begin(), lanes, step->losses.begin() + request.lanes.begin);
  step->samples += request.count;
  std::vector<double> sums(buffers_.size(), 0);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto begin =
        request.numbers.begin() + static_cast<std::ptrdiff_t>(lanes + n * buffers_.size());
    step->nodes.push_back(nodes[n]);
    step->buffers[nodes[n].begin].assign(begin, begin + static_cast<std::ptrdiff_t>(sums.size()));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += begin[static_cast<std::ptrdiff_t>(i)];
  }
  if (!request.text.empty()) (bsp() ? next_counters_ : counters_) = request.text;
  if (!bsp()) mix(request, sums);
  if (bsp() && step->whole()) halted_ = step->stop = stop_;
  retire();
}

// Each task moves the statistics by its part of the batch.
void TaskQueue::mix(const Message& request, const std::vector<double>& sums) {
  if (request.count == 0) return;
  const double part = std::clamp(request.rate, 0.0, 1.0);
  for (std::size_t i = 0; i < sums.size(); ++i)
    buffers_[i] += part * (sums[i] / static_cast<double>(request.count) - buffers_[i]);
}

bool TaskQueue::step_result(const Message& request, Message& answer) {
  require_present(request);
  if (request.has(Flag::stop)) request_stop();
  const Step* step = last_.number == request.step ? &last_ : step_of(request.step);
  if (step == nullptr && request.step > next_)
    throw RequestError("the result of a step to come was asked for");
  if (step == nullptr) {  // all is over that there was to say
    answer.flags |= Flag::finished;
    return request.step < next_;
  }
  if (step->whole()) {
    answer.step = step->number;
    answer.numbers = step->losses;
    if (step->stop) answer.flags |= Flag::stop;
    return true;
  }
  const auto lanes = find_part(*step, request.worker);
  if (!lanes) return false;
  give(*step_of(request.step), *lanes, request.worker);
  answer.step = request.step;
  answer.lanes = *lanes;
  answer.flags |= Flag::orphan;
  return true;
}

void TaskQueue::settle(std::int64_t number, bool skipped) {
  Step* step = step_of(number);
  if (step == nullptr || !step->whole() || step->settled) return;
  step->settled = true;
  if (!skipped && step->samples > 0 && !buffers_.empty()) {
    std::sort(step->nodes.begin(), step->nodes.end(),
              [](Range a, Range b) { return a.begin < b.begin; });
    const CoverPlan plan = plan_cover(plan_.lanes, {0, plan_.lanes}, step->nodes);
    std::vector<std::vector<double>*> sums;
    for (const Range& node : step->nodes) sums.push_back(&step->buffers[node.begin]);
    for (const Addition& add : plan.additions) {
      for (std::size_t i = 0; i < buffers_.size(); ++i)
        (*sums[static_cast<std::size_t>(add.into)])[i] +=
            (*sums[static_cast<std::size_t>(add.from)])[i];
    }
    for (std::size_t i = 0; i < buffers_.size(); ++i)
      buffers_[i] = (*sums[0])[i] / static_cast<double>(step->samples);
  }
  if (!skipped && !next_counters_.empty()) counters_ = next_counters_;
  retire();
}

// In bsp the last step stays until it is applied.
void TaskQueue::retire() {
  while (!steps_.empty() && steps_.front().whole() && (!bsp() || steps_.front().settled)) {
    loss_ = tree_sum(steps_.front().losses);
    last_ = std::move(steps_.front());
    steps_.pop_front();
  }
}

void TaskQueue::gone(std::uint64_t worker) {
  departed_.insert(worker);
  if (members_.erase(worker) == 0) return;
  for (Step& step : steps_) {
    for (Part& part : step.parts) {
      if (part.state == State::taken && part.taker == worker) part.state = State::open;
      if (part.owner == worker) part.owner = 0;
    }
  }
}

}  // namespace convoy::server
