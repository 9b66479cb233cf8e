#include "convoy/comm/group.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "comm/rendezvous/join_rendezvous.hpp"
#include "comm/transports/memory/transport.hpp"
#include "comm/transports/mpi/transport.hpp"
#include "comm/transports/routed.hpp"
#include "convoy/comm/transports.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/machine.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;

}  // namespace

std::string host_identity() {
  std::error_code ignored;
  const auto link = [&](const char* path) {
    return std::filesystem::read_symlink(path, ignored).string();
  };
  return fmt::format("{} {} {} {}", read_text_file("/proc/sys/kernel/random/boot_id"),
                     link("/proc/self/ns/net"), link("/proc/self/ns/pid"), ::getuid());
}

namespace {

class GroupJoiner {
 public:
  GroupJoiner(const WorkerPlace& place, const GroupOptions& options, Store& store)
      : place_(place), options_(options), store_(store), encrypt_(encrypts(options)) {}

  std::unique_ptr<Communicator> join() {
    number_hosts();
    return std::make_unique<Communicator>(connect(), place_.rank, hosts_, options_.timeout);
  }

 private:
  static bool encrypts(const GroupOptions& options) {
    const char* text = std::getenv("CONVOY_ENCRYPT");
    const std::string_view value = text == nullptr ? "" : text;
    if (!value.empty() && value != "0" && value != "1")
      throw InputError(fmt::format("CONVOY_ENCRYPT={}: write 1 or 0", value));
    return options.encrypt || value == "1";
  }

  std::string own_key(const std::string& key) const { return options_.name + '/' + key; }

  // Everybody's value of a key, in the order of their ranks.
  std::vector<std::string> share(const std::string& key, const std::string& mine, Range ranks) {
    const auto key_of = [&](std::int64_t rank) { return own_key(fmt::format("{}/{}", key, rank)); };
    store_.set(key_of(place_.rank), nlohmann::json(mine).dump());
    std::vector<std::string> all;
    for (std::int64_t rank = ranks.begin; rank < ranks.end; ++rank) {
      try {
        const std::string text = store_.get(key_of(rank), options_.timeout);
        all.push_back(nlohmann::json::parse(text).get<std::string>());
      } catch (const TimeoutError&) {
        throw TimeoutError(static_cast<int>(rank),
                           fmt::format("worker {} did not come to the group in time", rank));
      }
    }
    return all;
  }

  void number_hosts() {
    std::vector<std::string> seen;
    for (const std::string& host : share("host", host_identity(), {0, place_.workers})) {
      if (seen.empty() || seen.back() != host) {
        if (std::find(seen.begin(), seen.end(), host) != seen.end())
          throw InputError(
              "the workers of a host must have neighbouring ranks; start them host by host "
              "(mpirun --map-by slot, srun --distribution=block)");
        seen.push_back(host);
      }
      hosts_.push_back(static_cast<int>(seen.size()) - 1);
    }
    const auto [first, last] = std::equal_range(hosts_.begin(), hosts_.end(), hosts_[place_.rank]);
    local_ = {first - hosts_.begin(), last - hosts_.begin()};
  }

  bool on_one_host() const { return local_.size() == place_.workers; }
  bool by_mpirun() const { return place_.starter == WorkerPlace::Starter::mpirun; }

  std::unique_ptr<Transport> connect() {
    if (options_.transport != "auto") return chosen().connect(meeting());
    if (on_one_host()) return best(/*between_hosts=*/false).connect(meeting());
    const TransportKind& network = best(/*between_hosts=*/true);
    const int locals = static_cast<int>(local_.size());
    if (hosts_.back() + 1 == place_.workers) return network.connect(meeting());
    TransportMeeting others = meeting();
    if (locals == 1) return routed_transport(nullptr, place_.rank, 0, network.connect(others));
    TransportMeeting here = meeting();
    here.routed = true;
    for (const int host : hosts_) {
      here.peers.push_back(host == hosts_[place_.rank]);
      others.peers.push_back(host != hosts_[place_.rank]);
    }
    here.peers[place_.rank] = false;
    auto inner = best(/*between_hosts=*/false).connect(here);
    return routed_transport(std::move(inner), static_cast<int>(local_.begin), locals,
                            network.connect(others));
  }

  /// The one that the job names.
  const TransportKind& chosen() const {
    const TransportKind& kind = transports().get(options_.transport);
    if (!kind.between_hosts && !on_one_host()) {
      std::string others;
      for (const auto& [name, other] : transports().all())
        if (other.between_hosts) others += (others.empty() ? "" : " or ") + name;
      throw InputError(
          fmt::format("strategy.transport: {} needs all workers on one host; write auto, {}",
                      kind.name, others));
    }
    if (kind.needs_mpirun && !by_mpirun())
      throw InputError(
          fmt::format("strategy.transport: {} needs workers started by mpirun", kind.name));
    if (kind.between_hosts && encrypt_ && !kind.encrypts)
      throw InputError(
          fmt::format("strategy.transport: {} does not encrypt; write auto or tcp", kind.name));
    return kind;
  }

  /// What auto means. Nothing is encrypted that stays on a host.
  const TransportKind& best(bool between_hosts) const {
    const TransportKind* found = nullptr;
    for (const auto& [name, kind] : transports().all()) {
      if (kind.priority <= 0 || (between_hosts && !kind.between_hosts)) continue;
      if (kind.needs_mpirun && !by_mpirun()) continue;
      if (between_hosts && encrypt_ && !kind.encrypts) continue;
      if (kind.available && !kind.available()) continue;
      if (found == nullptr || kind.priority > found->priority) found = &kind;
    }
    if (found == nullptr)
      throw InputError("strategy.transport: none of the transports goes between these workers");
    return *found;
  }

  TransportMeeting meeting() {
    TransportMeeting given{.rank = place_.rank,
                           .size = place_.workers,
                           .local = local_,
                           .encrypt = encrypt_,
                           .spin = local_.size() <= online_cores(),
                           .options = options_,
                           .store = store_};
    given.share = [this](const std::string& key, const std::string& mine, Range ranks) {
      return share(key, mine, ranks);
    };
    // A store that knows better ends the wait.
    given.still_wanted = [this] {
      try {
        store_.get(own_key("tcp/never"), milliseconds(1));
      } catch (const TimeoutError&) {  // nobody sets it
      }
    };
    return given;
  }

  const WorkerPlace& place_;
  const GroupOptions& options_;
  Store& store_;
  bool encrypt_;
  std::vector<int> hosts_;
  Range local_{0, 1};
};

// What lives as long as the communicator.
struct JoinedGroup {
  JoinedRendezvous rendezvous;
  std::unique_ptr<Communicator> communicator;
  bool mpi = false;
  int exceptions = std::uncaught_exceptions();

  ~JoinedGroup() {
    communicator.reset();
    if (mpi && std::uncaught_exceptions() == exceptions) mpi_end_well();
  }
};

}  // namespace

std::shared_ptr<Communicator> join_group(const WorkerPlace& place, const GroupOptions& options) {
  auto group = std::make_shared<JoinedGroup>();
  group->mpi = place.starter == WorkerPlace::Starter::mpirun;
  group->rendezvous = join_rendezvous(place, options.timeout);
  group->communicator = GroupJoiner(place, options, *group->rendezvous.client).join();
  Communicator* communicator = group->communicator.get();
  return {std::move(group), communicator};
}

std::shared_ptr<Communicator> join_group(Store& store, int rank, int size,
                                         const GroupOptions& options) {
  WorkerPlace place;
  place.rank = rank;
  place.workers = size;
  return GroupJoiner(place, options, store).join();
}

std::vector<std::unique_ptr<Transport>> make_thread_transports(int size) {
  const std::size_t inbox = (Inbox::bytes(size) + 4095) / 4096 * 4096;
  const std::size_t bytes = inbox * static_cast<std::size_t>(size);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw IoError(fmt::format("no memory for a group of {}", size));
  const std::shared_ptr<void> owner(memory, [bytes](void* mapped) { ::munmap(mapped, bytes); });
  std::vector<std::unique_ptr<Transport>> transports;
  for (int rank = 0; rank < size; ++rank) {
    MemoryTransportOptions options;
    options.rank = rank;
    options.memory = owner;
    options.spin = size <= online_cores();
    for (int r = 0; r < size; ++r) {
      options.inboxes.emplace_back(static_cast<std::byte*>(memory) + r * inbox, size);
      options.names.push_back(r);
    }
    transports.push_back(std::make_unique<MemoryTransport>(std::move(options)));
  }
  return transports;
}

std::vector<std::shared_ptr<Communicator>> make_thread_group(int size, milliseconds timeout,
                                                             std::vector<int> hosts) {
  if (hosts.empty()) hosts.assign(static_cast<std::size_t>(size), 0);
  std::vector<std::shared_ptr<Communicator>> group;
  for (auto& transport : make_thread_transports(size)) {
    const int rank = static_cast<int>(group.size());
    group.push_back(std::make_shared<Communicator>(std::move(transport), rank, hosts, timeout));
  }
  return group;
}

}  // namespace convoy
