#include "convoy/server/server_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <mutex>

#include "comm/worker_place.hpp"
#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "core/machine.hpp"
#include "core/random_number.hpp"
#include "server/network_link.hpp"
#include "server/server_group.hpp"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

const std::string folder_key = "servers/folder";
const std::string begun_key = "servers/begun";
const std::string going_key = "servers/going";

class NetworkServerGroup final : public ServerGroup {
 public:
  explicit NetworkServerGroup(const ServerGroupOptions& options)
      : options_(options),
        incarnation_(std::max<std::uint32_t>(1, static_cast<std::uint32_t>(random_number()))),
        directory_(std::make_shared<server::Directory>(
            options.rendezvous, options.secret,
            fmt::format("worker-{}-{}", options.rank, incarnation_), options.servers,
            options.backups, options.timeout, options.lost_after)),
        context_(std::make_shared<zmq::context_t>()),
        keys_(server::derived_keys(options.secret, "worker")) {}

  int rank() const override { return options_.rank; }
  int workers() const override { return options_.workers; }
  // Who launched the job may be gone by now, and the rendezvous with it.
  void leave() override {
    try {
      directory_->leave();
    } catch (const Error&) {
    }
  }

  std::string agree(const std::string& key, const std::string& mine) override {
    return store().compare_set("servers/agreed/" + key, "", mine);
  }

  std::unique_ptr<server::Link> connect(int replica) override {
    const auto number = static_cast<std::uint64_t>(options_.rank) * server::replicas_of_process +
                        static_cast<std::uint64_t>(replica);
    return std::make_unique<server::NetworkLink>(server::NetworkLinkOptions{
        directory_, context_, keys_, (number << 32) | incarnation_, options_.timeout});
  }

  bool coordinates() override;
  std::string previous_coordinator() const override {
    const std::lock_guard lock(mutex_);
    return previous_coordinator_;
  }
  void publish_folder(const std::string& folder) override { store().set(folder_key, folder); }
  std::optional<std::string> folder() override { return store().get_if_present(folder_key); }
  void publish_begun() override { store().set(begun_key, "yes"); }
  bool begun() override { return begun_ || (begun_ = store().check({begun_key})); }
  void publish_end(bool finished) override {
    store().set(servers_over, finished ? served_to_the_end : "stopped");
  }
  bool finished() override { return store().get_if_present(servers_over) == served_to_the_end; }
  void enlist() override { directory_->enlist(host_name()); }
  std::vector<ServedWorker> processes(bool now) override;
  std::string self() const override { return directory_->self(); }
  bool may_go() override;

 private:
  RendezvousClient& store() const { return directory_->store(); }

  ServerGroupOptions options_;
  std::uint32_t incarnation_;
  std::shared_ptr<server::Directory> directory_;
  std::shared_ptr<zmq::context_t> context_;
  server::CurveKeys keys_;
  std::atomic<bool> begun_{false};

  mutable std::mutex mutex_;
  bool coordinates_ = false;
  std::string previous_coordinator_;
  std::optional<std::size_t> looked_at_;  // how many were gone when somebody coordinated the run
  std::optional<Clock::time_point> going_since_;
};

bool NetworkServerGroup::coordinates() {
  const std::lock_guard lock(mutex_);
  const std::size_t gone = directory_->gone_count();
  if (coordinates_ || looked_at_ == gone) return coordinates_;
  const std::string now = store().get_if_present(servers_coordinator).value_or("");
  if (now.empty() ? options_.rank != 0 : !directory_->is_gone(now)) {
    if (!now.empty()) looked_at_ = gone;
    return false;
  }
  if (store().check({servers_over})) return false;
  coordinates_ =
      store().compare_set(servers_coordinator, now, directory_->self()) == directory_->self();
  if (coordinates_) previous_coordinator_ = now;
  return coordinates_;
}

std::vector<ServedWorker> NetworkServerGroup::processes(bool now) {
  if (now) directory_->look();
  std::vector<ServedWorker> all;
  for (const server::Directory::Worker& worker : directory_->workers()) {
    int rank = 0;
    const std::string& name = worker.name;
    const auto dash = name.find('-') + 1;
    std::from_chars(name.data() + dash, name.data() + name.size(), rank);
    all.push_back({name, rank, worker.host, worker.gone});
  }
  return all;
}

// The others may not know for a moment that the one before has gone.
bool NetworkServerGroup::may_go() {
  constexpr std::chrono::milliseconds settled{300};
  const std::lock_guard lock(mutex_);
  if (!going_since_) {
    const std::string going = store().get_if_present(going_key).value_or("");
    if (!going.empty() && !directory_->is_gone(going)) return false;
    if (store().compare_set(going_key, going, directory_->self()) != directory_->self())
      return false;
    going_since_ = Clock::now();
  }
  if (Clock::now() - *going_since_ < settled) return false;
  const auto workers = directory_->workers();
  return std::any_of(workers.begin(), workers.end(), [&](const server::Directory::Worker& worker) {
    return !worker.gone && worker.name != directory_->self();
  });
}

}  // namespace

std::string silent_process(const std::string& host_identity, int pid) {
  return fmt::format("silent {} {}", pid, host_identity);
}

std::chrono::milliseconds lost_after_from_environment() {
  return std::chrono::milliseconds(number_in("CONVOY_LOST_AFTER").value_or(5'000));
}

std::shared_ptr<ServerGroup> join_servers(const ServerGroupOptions& options) {
  return std::make_shared<NetworkServerGroup>(options);
}

std::shared_ptr<ServerGroup> ServerGroup::from_environment(std::chrono::milliseconds timeout,
                                                           int backups) {
  const int servers = number_in("CONVOY_SERVERS").value_or(0);
  if (servers == 0) return nullptr;
  const auto place = worker_place();
  const auto secret = Secret::from_environment();
  const char* rendezvous = std::getenv("CONVOY_RENDEZVOUS");
  if (!place || !secret || rendezvous == nullptr)
    throw InputError("CONVOY_SERVERS is set, and not what else convoy launch --servers sets");
  const int awaited = number_in("CONVOY_LEAST").value_or(place->workers);
  return join_servers({place->rank, awaited, servers, backups, parse_endpoint(rendezvous), *secret,
                       timeout, lost_after_from_environment()});
}

}  // namespace convoy
