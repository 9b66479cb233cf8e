// Declared in server/shard_store.hpp.
// What a host knows of a shard, for a backup of it.
#include <fmt/format.h>

#include <new>

#include "server/shard_store.hpp"

namespace convoy::server {
namespace {

constexpr std::uint32_t snapshot_magic = 0x53535643;  // "CVSS"
constexpr std::uint32_t snapshot_version = 1;

}  // namespace

void ShardStore::save(std::uint32_t shard, SnapshotWriter& out) const {
  for (const std::uint32_t field : {snapshot_magic, snapshot_version, shards_, shard})
    out.put(field);
  out.put(job_);
  for (const std::set<Member>* members : {&open_, &closed_}) {
    std::vector<std::uint64_t> workers;
    for (const auto& [worker, of] : *members)
      if (of == shard) workers.push_back(worker);
    out.put(workers);
  }
  static const Cell nothing;
  const auto found = cells_.find(shard);
  const Cell& cell = found == cells_.end() ? nothing : found->second;
  out.put(cell.shard != nullptr);
  if (cell.shard) cell.shard->save(out);
  if (cell.shard && cell.task_queue) cell.task_queue->save(out);
  out.put(std::uint64_t{cell.tables.size()});
  for (const Table& table : cell.tables) {
    out.put(table.text);
    table.rows.save(out);
    out.put(table.pushed);
  }
}

void ShardStore::restore(std::uint32_t shard, SnapshotReader& in) {
  if (shard >= shards_) throw RequestError(fmt::format("shard {} of {}", shard, shards_));
  try {
    for (const std::uint32_t field : {snapshot_magic, snapshot_version, shards_, shard})
      if (in.get<std::uint32_t>() != field) throw RequestError("no snapshot of this shard");
    const std::string job = in.text();
    if (!job.empty() && !job_.empty() && job != job_)
      throw RequestError("a snapshot of another job");
    const auto open = in.list<std::uint64_t>();
    const auto closed = in.list<std::uint64_t>();
    Cell cell = restore_cell(in, shards_, shard);
    in.expect_end();
    if (job_.empty()) job_ = job;
    const auto of_shard = [&](const Member& member) { return member.second == shard; };
    std::erase_if(open_, of_shard);
    std::erase_if(closed_, of_shard);
    for (const std::uint64_t worker : open) open_.insert({worker, shard});
    for (const std::uint64_t worker : closed) closed_.insert({worker, shard});
    cells_[shard] = std::move(cell);
  } catch (const std::bad_alloc&) {
    throw RequestError("this server has not enough memory for it");
  }
}

ShardStore::Cell ShardStore::restore_cell(SnapshotReader& in, std::uint32_t shards,
                                          std::uint32_t shard) {
  Cell cell;
  if (in.flag()) {
    cell.shard = Shard::restore(in);
    if (shard == 0) cell.task_queue = TaskQueue::restore(in, cell.shard->plan());
  }
  for (std::size_t left = in.count(sizeof(std::uint64_t)); left > 0; --left) {
    const std::string text = in.text();
    RowShard rows = RowShard::restore(in, parse_table(text), shards, shard);
    cell.tables.push_back({text, std::move(rows), in.map<std::uint64_t, std::uint64_t>()});
  }
  return cell;
}

std::set<std::uint64_t> ShardStore::workers() const {
  std::set<std::uint64_t> workers;
  for (const auto& [worker, shard] : open_) workers.insert(worker);
  return workers;
}

}  // namespace convoy::server
