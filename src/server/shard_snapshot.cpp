// Declared in server/shard.hpp.
// A shard's state for a backup of it. What tells one shard from another (`number_`) stays behind:
// workers that pull from the backup get everything once.
#include "server/shard.hpp"

namespace convoy::server {
namespace {

// Of versions, updates and the like, so that adding to one cannot overflow.
constexpr std::int64_t most_counted = std::int64_t{1} << 60;

}  // namespace

void Shard::save(SnapshotWriter& out) const {
  out.put(plan_.text());
  for (const std::vector<float>& array : arrays_) out.put_all(std::span<const float>(array));
  out.put_all(std::span<const std::int64_t>(changed_));
  out.put(ready_);
  out.put(version_);
  out.put(updates_);
  out.put(delays_);
  step_.save(out, blocks_);
  out.put(summed_);
  out.put(summed_ ? step_.node_of(sum_) : Range{});
  out.put(squares_);
  out.put(std::uint64_t{workers_.size()});
  for (const auto& [number, worker] : workers_) {
    out.put(number);
    save(out, worker);
  }
}

void Shard::save(SnapshotWriter& out, const Worker& worker) const {
  out.put(worker.task);
  out.put(worker.applied);
  out.put(worker.arrived);
  out.put_all(std::span<const float>(worker.decoded)
                  .first(static_cast<std::size_t>(codec_ ? worker.arrived : 0)));
  worker.accumulator.save(out, blocks_);
  out.put(worker.versions);
  out.put(std::uint64_t{worker.snapshots.size()});
  for (const auto& [task, weights] : worker.snapshots) {
    out.put(task);
    out.put_all(std::span<const float>(weights));
  }
}

// Memory is taken for what is there, not for what a plan claims.
std::unique_ptr<Shard> Shard::restore(SnapshotReader& in) {
  const ShardPlan plan = ShardPlan::parse(in.text());
  in.need(static_cast<std::size_t>(plan.size()), sizeof(float));
  auto shard = std::make_unique<Shard>(plan);
  shard->restore_state(in);
  return shard;
}

void Shard::restore_state(SnapshotReader& in) {
  for (std::vector<float>& array : arrays_) in.read(std::span<float>(array));
  in.read(std::span<std::int64_t>(changed_));
  ready_ = in.flag();
  version_ = in.number(0, most_counted);
  updates_ = in.number(0, most_counted);
  delays_ = in.map<std::int64_t, std::int64_t>();
  for (const auto& [delay, times] : delays_)
    if (times < 0 || times > most_counted) throw RequestError("a snapshot of impossible delays");
  step_.restore(in, blocks_, size_, plan_.lanes);
  summed_ = in.flag();
  const Range root{in.get<std::int64_t>(), in.get<std::int64_t>()};
  if (summed_ && !blocks_.empty()) sum_ = step_.sum_of(root);
  squares_ = in.list<double>();
  for (std::size_t left = in.count(sizeof(std::uint64_t)); left > 0; --left) {
    const auto number = in.get<std::uint64_t>();
    restore(in, workers_[number]);
  }
}

void Shard::restore(SnapshotReader& in, Worker& worker) const {
  worker = {};
  const auto size = static_cast<std::size_t>(size_);
  worker.task = in.get<std::uint64_t>();
  worker.applied = in.get<std::uint64_t>();
  worker.arrived = in.number(0, codec_ ? size_ : 0);
  if (worker.arrived > 0) {
    const auto arrived = static_cast<std::size_t>(worker.arrived);
    in.need(arrived, sizeof(float));
    worker.decoded.resize(size);
    in.read(std::span<float>(worker.decoded).first(arrived));
  }
  worker.accumulator.restore(in, blocks_, size_, plan_.lanes);
  worker.versions = in.map<std::uint64_t, std::int64_t>();
  for (const auto& [task, version] : worker.versions)
    if (version < 0 || version > version_) throw RequestError("a snapshot of a version to come");
  for (std::size_t left = in.count(sizeof(std::uint64_t)); left > 0; --left) {
    const auto task = in.get<std::uint64_t>();
    worker.snapshots[task] = in.list<float>(size);
  }
}

}  // namespace convoy::server
