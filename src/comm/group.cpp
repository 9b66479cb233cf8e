#include "convoy/comm/group.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "comm/rendezvous/join_rendezvous.hpp"
#include "comm/transports/memory/shared_memory.hpp"
#include "comm/transports/memory/transport.hpp"
#include "comm/transports/mpi/transport.hpp"
#include "comm/transports/routed.hpp"
#include "comm/transports/tcp/socket_address.hpp"
#include "comm/transports/tcp/transport.hpp"
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
      : place_(place), options_(options), store_(store) {}

  std::unique_ptr<Communicator> join() {
    number_hosts();
    return std::make_unique<Communicator>(make_transport(), place_.rank, hosts_, options_.timeout);
  }

 private:
  std::string own_key(const std::string& key) const { return options_.name + '/' + key; }

  // Everybody's value of a key, by rank.
  std::vector<nlohmann::json> share(const std::string& key, const nlohmann::json& mine) {
    return share(key, mine, 0, place_.workers);
  }
  std::vector<nlohmann::json> share(const std::string& key, const nlohmann::json& mine, int first,
                                    int count) {
    const auto key_of = [&](int rank) { return own_key(fmt::format("{}/{}", key, rank)); };
    store_.set(key_of(place_.rank), mine.dump());
    std::vector<nlohmann::json> all;
    for (int rank = first; rank < first + count; ++rank) {
      try {
        all.push_back(nlohmann::json::parse(store_.get(key_of(rank), options_.timeout)));
      } catch (const TimeoutError&) {
        throw TimeoutError(rank, fmt::format("worker {} did not come to the group in time", rank));
      }
    }
    return all;
  }

  void number_hosts() {
    std::vector<std::string> seen;
    for (const nlohmann::json& shared : share("host", host_identity())) {
      const auto host = shared.get<std::string>();
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
    first_local_ = static_cast<int>(first - hosts_.begin());
    locals_ = static_cast<int>(last - first);
  }

  std::unique_ptr<Transport> make_transport() {
    const bool one_host = locals_ == place_.workers;
    const bool by_mpi = place_.starter == WorkerPlace::Starter::mpirun && mpi_available();
    if (options_.transport == "tcp") return tcp(nullptr);
    if (options_.transport == "mpi") return mpi();
    if (one_host) return shared_memory(false);
    if (options_.transport == "shm")
      throw InputError(
          "strategy.transport: shm needs all workers on one host; write auto, tcp or mpi");
    const auto network = [&](bool all) {
      return by_mpi && !encrypts() ? mpi() : tcp(all ? nullptr : &hosts_);
    };
    if (hosts_.back() + 1 == place_.workers) return network(true);
    // A worker alone on its host takes part in the exchange of addresses all the same.
    if (locals_ == 1) share("segment", nullptr);
    auto local = locals_ == 1 ? nullptr : shared_memory(true);
    return routed_transport(std::move(local), first_local_, locals_ == 1 ? 0 : locals_,
                            network(locals_ == 1));
  }

  std::unique_ptr<Transport> mpi() {
    if (place_.starter != WorkerPlace::Starter::mpirun)
      throw InputError("strategy.transport: mpi needs workers started by mpirun");
    if (encrypts()) throw InputError("strategy.transport: mpi does not encrypt; write auto or tcp");
    return mpi_transport();
  }

  bool encrypts() const {
    const char* text = std::getenv("CONVOY_ENCRYPT");
    const std::string_view value = text == nullptr ? "" : text;
    if (!value.empty() && value != "0" && value != "1")
      throw InputError(fmt::format("CONVOY_ENCRYPT={}: write 1 or 0", value));
    return options_.encrypt || value == "1";
  }

  // Those that somebody chose.
  std::vector<std::string> interfaces() const {
    std::vector<std::string> names = options_.interfaces;
    if (const char* text = std::getenv("CONVOY_INTERFACE"); names.empty() && text != nullptr) {
      std::istringstream list(text);
      for (std::string one; std::getline(list, one, ',');)
        if (!one.empty()) names.push_back(one);
    }
    return names;
  }

  // With `hosts` only to the workers of other hosts.
  std::unique_ptr<Transport> tcp(const std::vector<int>* hosts) {
    TcpOptions options;
    options.rank = place_.rank;
    options.size = place_.workers;
    if (hosts != nullptr)
      for (const int host : *hosts) options.peers.push_back(host != (*hosts)[place_.rank]);
    options.group_key = store_.derived_key("tcp " + options_.name);
    options.addresses = tcp::addresses_of(interfaces());
    options.connect_from_them = !options.addresses.empty();
    if (options.addresses.empty()) options.addresses = {store_.local_address()};
    options.connections = options_.connections;
    options.encrypt = encrypts();
    options.timeout = options_.timeout;
    options.spin = locals_ <= online_cores();
    options.share = [this](const std::string& shared) {
      std::vector<std::string> all;
      for (const nlohmann::json& one : share("tcp", shared)) all.push_back(one.get<std::string>());
      return all;
    };
    // A store that knows better ends the wait.
    options.still_wanted = [this] {
      try {
        store_.get(own_key("tcp/never"), milliseconds(1));
      } catch (const TimeoutError&) {  // nobody sets it
      }
    };
    options.log = [](const std::string& line) { fmt::print(stderr, "convoy: {}\n", line); };
    return tcp_transport(options);
  }

  std::unique_ptr<Transport> shared_memory(bool progress_thread) {
    const std::size_t bytes = Inbox::bytes(locals_);
    SharedMemory own = SharedMemory::create(bytes);
    const auto all = share("segment", {{"pid", ::getpid()}, {"fd", own.fd()}});
    MemoryTransportOptions options;
    auto segments = std::make_shared<std::vector<SharedMemory>>();
    for (int local = 0; local < locals_; ++local) {
      const int rank = first_local_ + local;
      const pid_t pid = all[rank].at("pid");
      const bool me = rank == place_.rank;
      std::optional<SharedMemory> segment =
          me ? own : SharedMemory::open(pid, all[rank].at("fd"), bytes);
      if (!segment) throw PeerError(rank, fmt::format("worker {} left while joining", rank));
      segments->push_back(*std::move(segment));
      options.inboxes.emplace_back(segments->back().data(), locals_);
      options.watches.emplace_back(pid);
      options.names.push_back(rank);
    }
    share("mapped", true, first_local_, locals_);  // nobody's is closed before all have opened it
    for (SharedMemory& segment : *segments) segment.close_fd();
    options.rank = place_.rank - first_local_;
    options.memory = segments;
    options.progress_thread = progress_thread;
    options.spin = locals_ <= online_cores();
    options.name = "shm";
    return std::make_unique<MemoryTransport>(std::move(options));
  }

  const WorkerPlace& place_;
  const GroupOptions& options_;
  Store& store_;
  std::vector<int> hosts_;
  int first_local_ = 0;
  int locals_ = 1;
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
