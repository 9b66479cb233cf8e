#include "bench/measure/comm_field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "bench/measure/affinity.hpp"
#include "bench/measure/hosts.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"

namespace convoy::bench {
namespace {

constexpr std::chrono::minutes field_timeout{5};

// The rendezvous is on the machine's loopback device, also for workers that have entered hosts of
// their own meanwhile: there they listen at another address.
class StoreFromHost final : public Store {
 public:
  StoreFromHost(std::unique_ptr<Store> store, std::string address)
      : store_(std::move(store)), local_address_(std::move(address)) {}
  void set(const std::string& key, const std::string& value) override { store_->set(key, value); }
  std::string get(const std::string& key, Duration timeout) override {
    return store_->get(key, timeout);
  }
  std::optional<std::string> get_if_present(const std::string& key) override {
    return store_->get_if_present(key);
  }
  std::string compare_set(const std::string& key, const std::string& expected,
                          const std::string& desired) override {
    return store_->compare_set(key, expected, desired);
  }
  std::map<std::string, std::string> list(const std::string& prefix) override {
    return store_->list(prefix);
  }
  bool delete_key(const std::string& key) override { return store_->delete_key(key); }
  const std::string& local_address() const override { return local_address_; }
  const std::string& address() const override { return store_->address(); }
  std::string derived_key(std::string_view purpose) const override {
    return store_->derived_key(purpose);
  }
  void interrupt() override { store_->interrupt(); }

 private:
  std::unique_ptr<Store> store_;
  std::string local_address_;
};

std::unique_ptr<Store> store_of_launcher() {
  const auto secret = Secret::from_environment();
  const char* rendezvous = std::getenv("CONVOY_RENDEZVOUS");
  if (!secret || rendezvous == nullptr)
    throw InputError("--worker is for those that convoy bench comm starts");
  return open_store(rendezvous, *secret, field_timeout);
}

cpu_set_t usable_core_set() {
  cpu_set_t cores;
  ::sched_getaffinity(0, sizeof(cores), &cores);
  return cores;
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

CommField::CommField(const WorkerPlace& place, const CommOptions& options,
                     const std::filesystem::path& folder, const std::string& hosts)
    : place_(place),
      options_(options),
      hosts_(hosts),
      cores_(usable_core_set()),
      store_(store_of_launcher()),
      control_(join("shm", "control")) {
  bind_to_core(cores_, place.rank, place.workers);
  if (hosts_.empty()) {
    add_within_host();
  } else {
    enter_namespace(host_namespace(hosts_, place.rank));
    store_ = std::make_unique<StoreFromHost>(std::move(store_), host_address(place.rank));
  }
  if (is_among(options.transports, "tcp")) add_tcp(false);
  if (is_among(options.transports, "tcp-encrypted")) add_tcp(true);
  peers_ = peer_setup(folder);
  const std::string interface = hosts_.empty() ? "lo" : Hosts::interface;
  if (is_among(options.peers, "gloo")) add_gloo();
  if (is_among(options.peers, "mpi")) {
    if (hosts_.empty()) add_mpi(open_mpi, {});
    add_mpi(open_mpi_tcp, {"--mca", "pml", "ob1", "--mca", "btl", "tcp,self", "--mca",
                           "btl_tcp_if_include", interface});
  }
  if (is_among(options.peers, "sockets"))
    add(bare_sockets,
        socket_party(*store_, hosts_.empty() ? "127.0.0.1" : store_->local_address(), control_));
  if (hosts_.empty() && is_among(options.peers, "memory")) add_copies();
}

std::shared_ptr<Communicator> CommField::join(const std::string& transport, const std::string& name,
                                              bool encrypt) {
  return join_group(
      *store_, place_.rank, place_.workers,
      {.transport = transport, .timeout = field_timeout, .name = name, .encrypt = encrypt});
}

void CommField::add(const std::string& name, std::unique_ptr<Party> party) {
  Contestant& contestant = contestants_.emplace_back(Contestant{.name = name});
  contestant.parties.push_back(std::move(party));
}

void CommField::add_within_host() {
  if (is_among(options_.transports, "thread")) {
    Contestant& threads = contestants_.emplace_back(Contestant{.name = "thread"});
    if (place_.rank == 0)
      for (const auto& thread : make_thread_group(place_.workers))
        threads.parties.push_back(communicator_party(thread, thread));
  }
  if (is_among(options_.transports, "shm"))
    add("shm", communicator_party(join("shm", "shm"), control_));
}

void CommField::add_tcp(bool encrypt) {
  const Unbound unbound(cores_);  // it has a thread
  const std::string name = encrypt ? "tcp encrypted" : "tcp";
  add(name, communicator_party(join("tcp", name, encrypt), control_));
}

PeerSetup CommField::peer_setup(const std::filesystem::path& folder) {
  return {.seat = {place_.rank, place_.workers},
          .folder = folder,
          .program = options_.program,
          .python = options_.python,
          .hosts = hosts_,
          .cores = cores_,
          .control = control_};
}

void CommField::add_gloo() {
  PeerGroup group = start_gloo_peers(peers_);
  if (!group.missing.empty()) {
    notes_.push_back(fmt::format(
        "Not measured: gloo, because {} (--python PATH: one that has torch).", group.missing));
    return;
  }
  versions_[gloo] = group.version;
  add(gloo, group.party(gloo));
  groups_.push_back(std::move(group));
}

void CommField::add_mpi(const std::string& name, const std::vector<std::string>& arguments) {
  PeerGroup group = start_mpi_peers(peers_, name, arguments);
  if (!group.missing.empty()) {
    notes_.push_back(fmt::format("Not measured: {}, because {}.", name, group.missing));
    return;
  }
  versions_[name] = group.version;
  add(name, group.party(name));
  if (name == open_mpi && is_among(options_.transports, "mpi")) add("mpi", group.party("mpi"));
  groups_.push_back(std::move(group));
}

void CommField::add_copies() {
  const auto floats = static_cast<std::size_t>(options_.to) / sizeof(float);
  add(memory_limit, copy_party(2, floats, control_));
  add(memory_pass, copy_party(1, floats, control_));
}

}  // namespace convoy::bench
