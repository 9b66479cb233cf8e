#include "server/directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "convoy/comm/group.hpp"
#include "server/server_group.hpp"

namespace convoy::server {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds look_every{50};
constexpr const char* map_key = "servers/map";

std::string address_key(int server) {
  return fmt::format("servers/address/{}", server);
}

}  // namespace

ShardMap ShardMap::of(int servers, int backups) {
  ShardMap map;
  map.backups = backups;
  for (int s = 0; s < servers; ++s) {
    const int next = (s + 1) % servers;
    map.shards.push_back({s, backups > 0 && next != s ? next : -1, -1});
  }
  return map;
}

ShardMap ShardMap::without(int server) const {
  ShardMap map = *this;
  ++map.generation;
  for (Place& place : map.shards) {
    if (place.primary == server) place = {place.backup, -1, -1};
    if (place.backup == server) place.backup = -1;
    if (place.joining == server) place.joining = -1;
  }
  return map;
}

bool ShardMap::has(int server) const {
  return serves(server) || std::any_of(shards.begin(), shards.end(),
                                       [&](const Place& place) { return place.joining == server; });
}

bool ShardMap::serves(int server) const {
  return std::any_of(shards.begin(), shards.end(), [&](const Place& place) {
    return place.primary == server || place.backup == server;
  });
}

std::string ShardMap::text() const {
  Json places = Json::array();
  for (const Place& place : shards) places.push_back({place.primary, place.backup, place.joining});
  return Json{{"generation", generation}, {"backups", backups}, {"over", over}, {"shards", places}}
      .dump();
}

ShardMap ShardMap::parse(const std::string& text) {
  const Json json = Json::parse(text);
  ShardMap map;
  map.generation = json.at("generation");
  map.backups = json.at("backups");
  map.over = json.at("over");
  for (const Json& place : json.at("shards"))
    map.shards.push_back({place.at(0), place.at(1), place.at(2)});
  return map;
}

Directory::Directory(const Endpoint& at, const Secret& secret, std::string self, int servers,
                     int backups, std::chrono::milliseconds timeout,
                     std::chrono::milliseconds lost_after)
    : self_(std::move(self)), timeout_(timeout), lost_after_(lost_after) {
  client_ = std::make_unique<RendezvousClient>(at.host, at.port, secret, timeout);
  client_->last_will(servers_gone + self_, "gone",
                     {lost_after, silent_process(host_identity(), ::getpid())});
  if (servers > 0) client_->compare_set(map_key, "", ShardMap::of(servers, backups).text());
  refresh();
  thread_ = std::thread([this] { watch(); });
}

Directory::~Directory() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Directory::publish(int server, const ServerAddress& address) {
  client_->set(address_key(server),
               Json{{"endpoint", address.endpoint}, {"key", address.key}}.dump());
}

ServerAddress Directory::address(int server) {
  const Json json = Json::parse(client_->get(address_key(server), timeout_));
  return {json.at("endpoint"), json.at("key")};
}

ShardMap Directory::map() const {
  const std::lock_guard lock(mutex_);
  return map_;
}

void Directory::refresh() {
  const std::string text = client_->get(map_key, timeout_);
  const std::lock_guard lock(mutex_);
  if (text == map_text_) return;
  ShardMap map = ShardMap::parse(text);
  // Another thread may have read a later one meanwhile.
  if (!map_text_.empty() && map.generation <= map_.generation) return;
  map_text_ = text;
  map_ = std::move(map);
  generation_ = map_.generation;
}

std::vector<std::string> Directory::gone() const {
  const std::lock_guard lock(mutex_);
  return {gone_.begin(), gone_.end()};
}

bool Directory::is_gone(const std::string& who) const {
  const std::lock_guard lock(mutex_);
  return gone_.contains(who);
}

void Directory::enlist(const std::string& host) {
  client_->set(servers_here + self_, host);
}

std::vector<Directory::Worker> Directory::workers() const {
  const std::lock_guard lock(mutex_);
  std::vector<Worker> all;
  for (const auto& [name, host] : here_) all.push_back({name, host, gone_.contains(name)});
  return all;
}

bool Directory::run_is_over() {
  try {
    return client_->check({servers_over});
  } catch (const Error&) {  // watch() notices
    return false;
  }
}

void Directory::require_not_lost() const {
  if (!lost_) return;
  if (is_gone(self_))
    throw PeerError(-1, fmt::format("the others took this process for lost: it gave no sign of "
                                    "life for {:.3g} s (--lost-after)",
                                    std::chrono::duration<double>(lost_after_).count()));
  throw PeerError(-1, "the rendezvous is lost, and with it the job");
}

void Directory::leave() {
  client_->delete_key(servers_here + self_);
  client_->last_will("", "");
}

void Directory::watch() {
  while (!stopping_) {
    try {
      look();
    } catch (const Error&) {
      lost_ = true;
    }
    if (is_gone(self_)) lost_ = true;
    if (lost_) return;
    std::this_thread::sleep_for(look_every);
  }
}

void Directory::look() {
  std::map<std::string, std::string> here;
  const auto all = client_->list(servers_processes);
  for (const auto& [key, value] : all)
    if (key.starts_with(servers_here)) here.emplace(key.substr(servers_here.size()), value);
  {
    const std::lock_guard lock(mutex_);
    here_ = std::move(here);
  }
  for (const auto& [key, value] : all) {
    if (!key.starts_with(servers_gone)) continue;
    const std::string who = key.substr(servers_gone.size());
    {
      const std::lock_guard lock(mutex_);
      if (!gone_.insert(who).second) continue;
    }
    int server = -1;
    if (who.starts_with("server-")) {
      std::from_chars(who.data() + 7, who.data() + who.size(), server);
      change([&](const ShardMap& map) {
        return map.has(server) ? std::optional(map.without(server)) : std::nullopt;
      });
    }
    ++gone_count_;
  }
  refresh();
}

// Whoever is first changes the map; the others see what has been done.
bool Directory::change(const std::function<std::optional<ShardMap>(const ShardMap&)>& change) {
  while (true) {
    refresh();
    std::string now;
    ShardMap map;
    {
      const std::lock_guard lock(mutex_);
      now = map_text_;
      map = map_;
    }
    std::optional<ShardMap> next = change(map);
    if (!next) return false;
    next->generation = map.generation + 1;
    const std::string text = next->text();
    if (client_->compare_set(map_key, now, text) != text) continue;
    refresh();
    return true;
  }
}

}  // namespace convoy::server
