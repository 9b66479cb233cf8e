#include "server/shard_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>

namespace convoy::server {
namespace {

constexpr std::size_t most_tables = 1024;

}  // namespace

bool ShardStore::handle(const Message& request, Message& answer) {
  const auto begin = [&](Kind kind) {
    answer = {};
    answer.kind = kind;
    answer.shard = request.shard;
    answer.request = request.request;
    answer.worker = request.worker;
  };
  begin(Kind::answer);
  try {
    return answer_to(request, answer);
  } catch (const RequestError& error) {
    begin(Kind::error);
    answer.text = error.what();
  } catch (const std::bad_alloc&) {
    begin(Kind::error);
    answer.text = "this server has not enough memory for it";
  }
  return true;
}

bool ShardStore::answer_to(const Message& request, Message& answer) {
  if (request.shard >= shards_)
    throw RequestError(fmt::format("shard {} of {}", request.shard, shards_));
  Cell& cell = cells_[request.shard];
  switch (request.kind) {
    case Kind::hello:
      hello(request);
      return true;
    case Kind::plan:
      plan(cell, request);
      return true;
    case Kind::gone:
      gone(request.worker);
      return true;
    case Kind::table:
      make_table(cell, request, answer);
      return true;
    case Kind::pull_rows:
    case Kind::push_rows:
      of_rows(cell, request, answer);
      return true;
    case Kind::statistics:
      answer.text = statistics();
      return true;
    case Kind::close:
      open_.erase({request.worker, request.shard});
      closed_.insert({request.worker, request.shard});
      dismissed_ = true;
      if (cell.task_queue)
        cell.task_queue->gone(request.worker);  // its part of the next steps is the others'
      return true;
    default:
      return cell.shard != nullptr && of_shard(cell, request, answer);
  }
}

void ShardStore::hello(const Message& request) {
  if (job_.empty()) job_ = request.text;
  if (job_ != request.text)
    throw RequestError("this worker runs another job, or has other data, than the others");
  const Member member{request.worker, request.shard};
  if (!closed_.contains(member)) open_.insert(member);
}

void ShardStore::plan(Cell& cell, const Message& request) {
  if (cell.shard) return;  // somebody was first
  const ShardPlan plan = ShardPlan::parse(request.text);
  auto shard = std::make_unique<Shard>(plan);
  if (request.shard == 0) cell.task_queue.emplace(plan, request.numbers);
  cell.shard = std::move(shard);
}

bool ShardStore::of_shard(Cell& cell, const Message& request, Message& answer) {
  const bool of_task_queue = request.kind == Kind::take || request.kind == Kind::report ||
                             request.kind == Kind::step_result || request.kind == Kind::assigned;
  if (of_task_queue && !cell.task_queue) throw RequestError("tasks are handed out by shard 0");
  if (of_task_queue && !cell.shard->ready()) return false;
  switch (request.kind) {
    case Kind::take:
      return cell.task_queue->take(request, cell.shard->version(), answer);
    case Kind::assigned:
      cell.task_queue->assigned(request);
      return true;
    case Kind::report:
      cell.task_queue->report(request);
      return true;
    case Kind::step_result:
      return cell.task_queue->step_result(request, answer);
    case Kind::apply: {
      if (!cell.shard->handle(request, answer)) return false;
      if (cell.task_queue && cell.shard->plan().options.consistency == "bsp")
        cell.task_queue->settle(request.step, request.has(Flag::skipped));
      return true;
    }
    case Kind::ready:
      if (cell.task_queue && !cell.shard->ready()) cell.task_queue->begin_counters(request.text);
      return cell.shard->handle(request, answer);
    default:
      return cell.shard->handle(request, answer);
  }
}

void ShardStore::make_table(Cell& cell, const Message& request, Message& answer) {
  const RowTableOptions options = parse_table(request.text);
  const auto found = std::find_if(cell.tables.begin(), cell.tables.end(), [&](const Table& table) {
    return table.rows.options().name == options.name;
  });
  answer.array = static_cast<std::uint32_t>(found - cell.tables.begin());
  if (found != cell.tables.end()) {
    if (found->text != request.text)
      throw RequestError(fmt::format("table {} is there already, and another", options.name));
    return;
  }
  if (cell.tables.size() >= most_tables) throw RequestError("too many tables");
  cell.tables.push_back({request.text, RowShard(options, shards_, request.shard), {}});
}

void ShardStore::of_rows(Cell& cell, const Message& request, Message& answer) {
  if (request.array >= cell.tables.size())
    throw RequestError(fmt::format("table {} is not there", request.array));
  Table& table = cell.tables[request.array];
  if (request.kind == Kind::pull_rows) {
    table.rows.pull(request.rows, values_);
    answer.data = values_;
    return;
  }
  std::uint64_t& last = table.pushed[request.worker];
  if (request.task <= last) return;  // said again
  table.rows.push(request.rows, request.data, request.rate);
  last = request.task;
}

bool ShardStore::changes(const Message& request) {
  switch (request.kind) {
    case Kind::hello:
    case Kind::plan:
    case Kind::load:
    case Kind::ready:
    case Kind::push:
    case Kind::apply:
    case Kind::report:
    case Kind::table:
    case Kind::push_rows:
    case Kind::close:
      return true;
    default:
      return false;
  }
}

std::optional<Message> ShardStore::decision(const Message& request, const Message& answer) const {
  const bool task = request.kind == Kind::take || request.kind == Kind::step_result;
  if (!task || answer.kind != Kind::answer || answer.lanes.empty()) return std::nullopt;
  const auto cell = cells_.find(request.shard);
  if (cell == cells_.end() || !cell->second.task_queue) return std::nullopt;
  Message assigned;
  assigned.kind = Kind::assigned;
  assigned.shard = request.shard;
  assigned.worker = request.worker;
  assigned.step = answer.step;
  assigned.lanes = answer.lanes;
  cell->second.task_queue->describe(assigned);
  return assigned;
}

void ShardStore::gone(std::uint64_t worker) {
  std::erase_if(open_, [&](const Member& member) {
    if (member.first != worker) return false;
    closed_.insert(member);
    dismissed_ = false;
    return true;
  });
  for (auto& [number, cell] : cells_) {
    if (cell.shard) cell.shard->forget(worker);
    if (cell.task_queue) cell.task_queue->gone(worker);
  }
}

std::string ShardStore::statistics() const {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& [number, cell] : cells_) {
    if (!cell.shard) continue;
    nlohmann::ordered_json one = {{"shard", number},
                                  {"version", cell.shard->version()},
                                  {"updates", cell.shard->updates()},
                                  {"delays", nlohmann::ordered_json::array()}};
    for (const auto& [delay, times] : cell.shard->delays()) one["delays"].push_back({delay, times});
    if (cell.task_queue) {
      one["tasks"] = nlohmann::ordered_json::array();
      for (const auto& [worker, tasks] : cell.task_queue->done_by())
        one["tasks"].push_back({worker >> 32, tasks});
    }
    all.push_back(one);
  }
  return all.dump();
}

}  // namespace convoy::server
