// Declared in server/network_server.hpp.
// How a server becomes the backup of a shard that has none (docs/design/parameter-server.md):
//   it sets itself into the map as joining; the primary sends a snapshot, and then every change;
//   when it has the snapshot and soon answers what is asked behind the changes, the primary waits
//   for it as for a backup, and says so; when it hears that, it has all that was acknowledged
//   without it, so it becomes the backup.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "server/network_server.hpp"

namespace convoy::server {
namespace {

// So soon a server that joins has what was sent to it, when it is waited for; or after it was asked
// so often, where changes come faster than it takes them.
constexpr std::chrono::milliseconds near_enough{100};
constexpr int most_questions = 50;

}  // namespace

// A new server takes all shards that have no backup, one that has others after a while one of them.
void NetworkServer::offer() {
  const auto lacks = [&](const ShardMap::Place& place) {
    return place.lacks_backup() && place.primary != options_.number;
  };
  if (unfit_ || map_.backups == 0 || map_.over ||
      std::none_of(map_.shards.begin(), map_.shards.end(), lacks)) {
    lacking_since_ = {};
    return;
  }
  const bool is_new = !map_.has(options_.number);
  const auto now = Clock::now();
  if (lacking_since_ == Clock::time_point{}) lacking_since_ = now;
  if (!is_new && now - lacking_since_ < options_.offer_after) return;
  std::vector<std::size_t> parts;
  const bool changed = directory_.change([&](const ShardMap& map) -> std::optional<ShardMap> {
    ShardMap next = map;
    parts.clear();
    for (std::size_t shard = 0; shard < next.shards.size(); ++shard) {
      if (!lacks(next.shards[shard]) || (!is_new && !parts.empty())) continue;
      next.shards[shard].joining = options_.number;
      parts.push_back(shard);
    }
    return parts.empty() ? std::nullopt : std::optional(next);
  });
  lacking_since_ = {};
  if (changed)
    log_line(fmt::format("{}joins as backup of part {} of the weights", is_new ? "started, " : "",
                         fmt::join(parts, ", ")));
  look_around();
}

// A server without a shard waits for one to lose its backup, as long as that can be.
bool NetworkServer::is_needed() const {
  if (map_.serves(options_.number)) return true;
  return map_.backups > 0 && !map_.over &&
         std::all_of(map_.shards.begin(), map_.shards.end(),
                     [](const ShardMap::Place& place) { return place.primary >= 0; });
}

// Who waits for us as one that joins must see that we are gone.
void NetworkServer::end_well() {
  if (map_.backups > 0) {
    directory_.change([](const ShardMap& map) -> std::optional<ShardMap> {
      if (map.over) return std::nullopt;
      ShardMap next = map;
      next.over = true;
      return next;
    });
  }
  const bool joins =
      std::any_of(map_.shards.begin(), map_.shards.end(),
                  [&](const ShardMap::Place& place) { return place.joining == options_.number; });
  if (!joins) directory_.leave();
}

void NetworkServer::look_at_seedings() {
  std::erase_if(seedings_, [&](const auto& seeding) {
    const ShardMap::Place& place = map_.shards[seeding.first];
    return place.primary != options_.number || place.joining != seeding.second.to;
  });
  std::erase_if(arriving_, [&](const auto& arriving) {
    return map_.shards[arriving.first].joining != options_.number;
  });
  for (std::uint32_t shard = 0; shard < map_.shards.size(); ++shard) {
    const int joining = map_.shards[shard].joining;
    if (joining >= 0 && is_ours(shard) && !seedings_.contains(shard)) seed(shard, joining);
  }
}

// All of it is handed to the socket at once, which takes as long as copying it; what changes
// meanwhile and after is behind it in the same connection.
void NetworkServer::seed(std::uint32_t shard, int to) {
  Seeding& seeding = seedings_[shard];
  seeding.to = to;
  Message piece;
  piece.kind = Kind::seed;
  piece.shard = shard;
  piece.worker = static_cast<std::uint64_t>(options_.number);
  SnapshotWriter out([&](std::span<const float> data, bool last) {
    piece.data = data;
    if (last) piece.flags |= Flag::finished;
    seeding.last = send_to_peer(to, piece);
    ++piece.first;
  });
  shard_store_.save(shard, out);
  out.finish();
}

// It is waited for only once it is so near that workers hardly notice.
void NetworkServer::handle_seed_answer(const Message& answer) {
  for (auto& [shard, seeding] : seedings_) {
    if (seeding.last != answer.request) continue;
    if (answer.kind == Kind::error) {
      seeding.refused = true;
      return refuse(fmt::format("by server {}, part {}: {}", seeding.to, shard, answer.text));
    }
    const auto now = Clock::now();
    seeding.waits = now - seeding.asked < near_enough || seeding.questions == most_questions;
    seeding.asked = now;
    ++seeding.questions;
    Message seeded;
    seeded.kind = Kind::seeded;
    seeded.shard = shard;
    seeded.worker = static_cast<std::uint64_t>(options_.number);
    if (seeding.waits) seeded.flags |= Flag::finished;
    seeding.last = send_to_peer(seeding.to, seeded);
    return;
  }
}

// Whether what changes the shard changes what we have of it.
bool NetworkServer::may_replicate(std::uint32_t shard, const std::string& from) const {
  if (shard >= map_.shards.size() || map_.shards[shard].joining != options_.number) return true;
  const auto found = arriving_.find(shard);
  return found != arriving_.end() && found->second.whole && found->second.from == from;
}

void NetworkServer::take_seed(const std::string& from, const Answer& received) {
  const Message& m = received.message;
  const auto place = m.shard < map_.shards.size() ? map_.shards[m.shard] : ShardMap::Place{};
  const bool expected = place.joining == options_.number && place.primary >= 0 &&
                        m.worker == static_cast<std::uint64_t>(place.primary);
  if (expected && m.first == 0) arriving_[m.shard] = {from, {}, false};
  const auto found = arriving_.find(m.shard);
  if (!expected || found == arriving_.end() || found->second.whole || found->second.from != from ||
      m.first != static_cast<std::int64_t>(found->second.pieces.size()))
    return refuse_request(from, m, Flag::skipped, "a piece of a snapshot that is not expected");
  found->second.pieces.push_back({received.memory, m.data});
  if (!m.has(Flag::finished)) return;
  try {
    restore(m.shard, found->second);
  } catch (const RequestError& error) {
    arriving_.erase(found);
    refuse_request(from, m, Flag::skipped, error.what());
    return withdraw(m.shard, error.what());
  }
  Message whole;
  whole.kind = Kind::answer;
  whole.shard = m.shard;
  answer(from, whole, m.request);
}

void NetworkServer::restore(std::uint32_t shard, Arriving& arriving) {
  SnapshotReader in(std::move(arriving.pieces));
  arriving.pieces.clear();
  shard_store_.restore(shard, in);
  arriving.whole = true;
  for (const std::uint64_t worker : shard_store_.workers()) workers_.emplace(worker, "");
  gone_seen_ = 0;  // some of them may be gone
}

void NetworkServer::become_backup(const std::string& from, const Message& seeded) {
  const std::uint32_t shard = seeded.shard;
  if (!arriving_.contains(shard) || !may_replicate(shard, from))
    return refuse_request(from, seeded, Flag::skipped, "the end of a snapshot that never came");
  if (!seeded.has(Flag::finished)) {
    Message here;
    here.kind = Kind::answer;
    here.shard = shard;
    return answer(from, here, seeded.request);
  }
  const bool changed = directory_.change([&](const ShardMap& map) -> std::optional<ShardMap> {
    ShardMap next = map;
    ShardMap::Place& place = next.shards[shard];
    if (place.joining != options_.number || place.backup >= 0 || place.primary < 0 ||
        seeded.worker != static_cast<std::uint64_t>(place.primary))
      return std::nullopt;
    place.backup = options_.number;
    place.joining = -1;
    return next;
  });
  if (changed) log_line(fmt::format("is the backup of part {} of the weights now", shard));
  look_around();
}

void NetworkServer::withdraw(std::uint32_t shard, const std::string& why) {
  unfit_ = true;
  log_line(fmt::format("cannot become the backup of part {} of the weights: {}", shard, why));
  directory_.change([&](const ShardMap& map) -> std::optional<ShardMap> {
    ShardMap next = map;
    if (next.shards[shard].joining != options_.number) return std::nullopt;
    next.shards[shard].joining = -1;
    return next;
  });
  look_around();
}

}  // namespace convoy::server
