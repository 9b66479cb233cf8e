// Declared in server/network_server.hpp.
// How servers that have the same shards change places. Whoever is the backup of a shard has all
// that was acknowledged, so the map alone says who answers.
#include <fmt/format.h>

#include <algorithm>

#include "server/network_server.hpp"

namespace convoy::server {
namespace {

std::int64_t primaries(const ShardMap& map, int server) {
  return std::count_if(map.shards.begin(), map.shards.end(),
                       [&](const ShardMap::Place& place) { return place.primary == server; });
}

// -1: it may leave.
std::int64_t part_of_nobody_else(const ShardMap& map, int server) {
  for (std::size_t shard = 0; shard < map.shards.size(); ++shard)
    if (map.shards[shard].primary == server && map.shards[shard].backup < 0)
      return static_cast<std::int64_t>(shard);
  return -1;
}

}  // namespace

// As if it were lost, but for that nothing is lost with it.
bool NetworkServer::leaves() {
  if (options_.leave == nullptr || !*options_.leave || handing_over_) return false;
  std::int64_t part = part_of_nobody_else(map_, options_.number);
  // The rendezvous is asked only once it may be so: this is called for every few messages.
  if (part < 0)
    directory_.change([&](const ShardMap& map) -> std::optional<ShardMap> {
      part = part_of_nobody_else(map, options_.number);
      return part < 0 && map.has(options_.number) ? std::optional(map.without(options_.number))
                                                  : std::nullopt;
    });
  if (part >= 0) {
    if (!std::exchange(logged_staying_, true))
      log_line(fmt::format("cannot leave yet: no other server has part {} of the weights{}", part,
                           map_.backups > 0 ? "" : "; strategy.backups: 1 keeps each part on two"));
    return false;
  }
  look_around();
  log_line("leaves");
  directory_.leave();
  return true;
}

// Where a new server has become the backup of several shards of one, it gets some of them: the
// primary has the more to do.
void NetworkServer::balance() {
  if (handing_over_) return hand_over();
  for (std::uint32_t shard = 0; shard < map_.shards.size(); ++shard) {
    const int backup = map_.shards[shard].backup;
    if (!is_ours(shard) || backup < 0) continue;
    if (primaries(map_, options_.number) - primaries(map_, backup) < 2) continue;
    handing_over_ = shard;
    // They ask again, and the other one then.
    std::erase_if(waiting_, [&](const Waiting& waiting) {
      if (waiting.request.shard != shard) return false;
      refuse_request(waiting.from, waiting.request, Flag::moved, "another server gets this shard");
      return true;
    });
    return;
  }
}

// As soon as the backup has all that was asked of us before.
void NetworkServer::hand_over() {
  const std::uint32_t shard = *handing_over_;
  const bool waits =
      std::any_of(unreplicated_.begin(), unreplicated_.end(),
                  [&](const auto& entry) { return entry.second.answer.shard == shard; });
  if (waits) return;
  const int backup = map_.shards[shard].backup;
  const bool changed = directory_.change([&](const ShardMap& map) -> std::optional<ShardMap> {
    ShardMap next = map;
    ShardMap::Place& place = next.shards[shard];
    if (place.primary != options_.number || place.backup != backup || backup < 0)
      return std::nullopt;
    std::swap(place.primary, place.backup);
    return next;
  });
  handing_over_.reset();
  if (changed)
    log_line(fmt::format("hands part {} of the weights over to server {}", shard, backup));
  look_around();
}

}  // namespace convoy::server
