#include "convoy/session/membership.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "convoy/comm/secret.hpp"
#include "convoy/core/error.hpp"
#include "core/machine.hpp"
#include "session/store_keys.hpp"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using StoreJson = nlohmann::json;

constexpr int heartbeats_of_a_lease = 5;        // half of the time after which a worker is lost
constexpr milliseconds look{200};               // how often a wait looks whether it is still wanted
constexpr milliseconds store_patience{30'000};  // the store's engine may be started anew meanwhile

int environment_number(const char* name) {
  const char* text = std::getenv(name);
  int number = -1;
  if (text != nullptr) {
    const std::string_view digits = text;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) number = -1;
  }
  if (number < 0) throw InputError(fmt::format("{}: is set by convoy launch, to a number", name));
  return number;
}

// The job's store as the forming of one group sees it: its waits end when the group is not wanted
// any more.
class StoreOfGroup final : public Store {
 public:
  StoreOfGroup(Store& store, std::function<bool()> superseded)
      : store_(store), superseded_(std::move(superseded)) {}

  void set(const std::string& key, const std::string& value) override { store_.set(key, value); }
  std::string get(const std::string& key, Duration timeout) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (true) {
      if (superseded_()) throw PeerError(-1, "another group of workers was called");
      try {
        return store_.get(key, std::min(look, timeout));
      } catch (const TimeoutError&) {
        if (std::chrono::steady_clock::now() >= deadline) throw;
      }
    }
  }
  std::optional<std::string> get_if_present(const std::string& key) override {
    return store_.get_if_present(key);
  }
  std::string compare_set(const std::string& key, const std::string& expected,
                          const std::string& desired) override {
    return store_.compare_set(key, expected, desired);
  }
  std::map<std::string, std::string> list(const std::string& prefix) override {
    return store_.list(prefix);
  }
  bool delete_key(const std::string& key) override { return store_.delete_key(key); }
  const std::string& local_address() const override { return store_.local_address(); }
  const std::string& address() const override { return store_.address(); }
  std::string derived_key(std::string_view purpose) const override {
    return store_.derived_key(purpose);
  }
  void interrupt() override { store_.interrupt(); }

 private:
  Store& store_;
  std::function<bool()> superseded_;
};

}  // namespace

struct Membership::Impl {
  Impl(std::unique_ptr<Store> opened, const MembershipOptions& chosen)
      : options(chosen), store(std::move(opened)) {
    for (const auto& [key, text] : store->list(keys::generations)) {
      Generation generation = parse_generation(text);
      changes[generation.number] = generation.changes;
      if (generation.number > latest.number) latest = std::move(generation);
    }
    watcher = std::thread([this] { watch(); });
    heart = std::thread([this] { beat(); });
    lease_watch = std::thread([this] { watch_lease(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    store->interrupt();
    watcher.join();
    heart.join();
    lease_watch.join();
  }

  // Follows the list of generations, one number after the other.
  void watch() {
    while (!stopping) {
      try {
        const std::string key = keys::generation(latest.number + 1);
        take(parse_generation(store->get(key, milliseconds(60'000))));
      } catch (const TimeoutError&) {  // nothing has changed
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        if (!stopping) store_problem = error.what();
        break_up();
        changed.notify_all();
        return;
      }
    }
  }

  void take(Generation generation) {
    const std::lock_guard lock(mutex);
    const int rank = generation.rank_of(options.worker);
    if (generation.rank_of(options.worker) < 0 && latest.rank_of(options.worker) >= 0) {
      (leaving ? left : fenced) = true;
    }
    const bool goes_on = !generation.urgent && (rank >= 0 || left);
    changes[generation.number] = generation.changes;
    latest = std::move(generation);
    if (goes_on)
      change = true;
    else
      break_up();
    changed.notify_all();
  }

  void break_up() {  // locked
    broken = true;
    if (communicator) communicator->abort();
  }

  void beat() {
    std::unique_lock lock(mutex);
    for (std::int64_t count = 0; !stopping; ++count) {
      const std::string sign =
          fmt::format("{} {} {} {}", count, joined, step.load(), static_cast<int>(activity.load()));
      lock.unlock();
      const auto before = Clock::now();
      bool given = true;
      try {
        store->set(keys::worker_alive(options.worker), sign);
        check_for_aborts();
      } catch (const std::exception&) {  // the watcher says so
        given = false;
      }
      lock.lock();
      if (given) lease_renewed = before;
      changed.wait_for(lock, options.heartbeat, [this] { return stopping.load(); });
    }
  }

  // A generation that is to end at its next step does not come to one when a member has left it for
  // the next generation already, which it may while the group forms.
  void check_for_aborts() {
    std::int64_t number = 0;
    {
      const std::lock_guard lock(mutex);
      if (!change || broken || !communicator) return;
      number = joined;
    }
    if (store->list(keys::all_aborted(number)).empty()) return;
    const std::lock_guard lock(mutex);
    if (joined == number) break_up();
  }

  void watch_lease() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      changed.wait_for(lock, options.heartbeat, [this] { return stopping.load(); });
      if (stopping || lease_lost || Clock::now() - lease_renewed < options.lease) continue;
      lease_lost = true;
      const auto work = lease_lost_work;
      lock.unlock();
      if (work) work();
      lock.lock();
    }
  }

  void confirm() {
    const auto before = Clock::now();
    const bool lost = store->get_if_present(keys::lost(options.worker)).has_value();
    const std::lock_guard lock(mutex);
    if (lost) fenced = true;
    require_wanted();
    lease_renewed = std::max(lease_renewed, before);
    lease_lost = false;
  }

  void require_wanted() const {  // locked
    if (fenced) {
      throw FencedError(options.worker,
                        fmt::format("worker {} was declared lost, and the job goes on without "
                                    "it",
                                    options.worker));
    }
    if (!store_problem.empty()) throw PeerError(-1, store_problem);
  }

  // The newest generation that this worker is in and has not tried yet; nothing once it has left.
  std::optional<Generation> next(const std::atomic<bool>* stop) {
    std::unique_lock lock(mutex);
    const auto found = [this] {
      return latest.number > joined && latest.rank_of(options.worker) >= 0;
    };
    const auto ready = [&] { return fenced || left || !store_problem.empty() || found(); };
    while (!changed.wait_for(lock, look, ready)) {
      if (stop != nullptr && *stop) throw Interrupted("stopped while it waited for workers");
    }
    if (left) return std::nullopt;
    require_wanted();
    joined = latest.number;
    change = false;
    broken = false;
    return latest;
  }

  bool superseded(std::int64_t number) {
    const std::lock_guard lock(mutex);
    return stopping || fenced || !store_problem.empty() || latest.number > number;
  }

  MembershipOptions options;
  std::unique_ptr<Store> store;

  mutable std::mutex mutex;
  std::condition_variable changed;
  Generation latest;
  std::map<std::int64_t, std::vector<MemberChange>> changes;  // of generations not known as logged
  std::int64_t joined = 0;          // the generation that this worker takes part in
  std::atomic<bool> broken{false};  // it cannot go on
  std::shared_ptr<Communicator> communicator;
  std::string store_problem;
  Clock::time_point lease_renewed = Clock::now();  // when the last heartbeat was sent that arrived
  bool lease_lost = false;
  std::function<void()> lease_lost_work;
  std::atomic<bool> stopping{false};
  std::atomic<bool> fenced{false};
  std::atomic<bool> leaving{false};
  std::atomic<bool> left{false};
  std::atomic<bool> change{false};
  std::atomic<std::int64_t> step{0};
  std::atomic<WorkerActivity> activity{WorkerActivity::starting};
  std::thread watcher;
  std::thread heart;
  std::thread lease_watch;
};

std::unique_ptr<Membership> Membership::from_environment(const GroupOptions& group) {
  if (std::getenv("CONVOY_WORKER") == nullptr) return nullptr;
  const char* at = std::getenv("CONVOY_STORE");
  const auto secret = Secret::from_environment();
  if (at == nullptr || !secret)
    throw InputError("CONVOY_WORKER is set without CONVOY_STORE and the job's secret");
  MembershipOptions options;
  options.worker = environment_number("CONVOY_WORKER");
  options.group = group;
  if (std::getenv("CONVOY_HEARTBEAT") != nullptr)
    options.heartbeat = milliseconds(environment_number("CONVOY_HEARTBEAT"));
  options.lease = heartbeats_of_a_lease * options.heartbeat;
  if (std::getenv("CONVOY_LOCAL_WORKERS") != nullptr)
    options.local_workers = std::max(1, environment_number("CONVOY_LOCAL_WORKERS"));
  return std::make_unique<Membership>(open_store(at, *secret, store_patience), options);
}

Membership::Membership(std::unique_ptr<Store> store, const MembershipOptions& options)
    : impl_(std::make_unique<Impl>(std::move(store), options)) {}
Membership::~Membership() = default;

int Membership::local_workers() const {
  return impl_->options.local_workers;
}

int Membership::worker() const {
  return impl_->options.worker;
}

Membership::Group Membership::join(const std::atomic<bool>* stop) {
  const int worker = impl_->options.worker;
  impl_->store->set(keys::ready(worker),
                    StoreJson{{"host", host_name()}, {"machine", host_identity()}}.dump());
  while (true) {
    set_progress(impl_->step, WorkerActivity::starting);
    std::optional<Generation> next = impl_->next(stop);
    if (!next) return {};
    Generation& generation = *next;
    GroupOptions options = impl_->options.group;
    options.name = fmt::format("group/{}", generation.number);
    StoreOfGroup store(*impl_->store, [&] { return impl_->superseded(generation.number); });
    try {
      auto communicator = join_group(store, generation.rank_of(worker),
                                     static_cast<int>(generation.members.size()), options);
      const std::lock_guard lock(impl_->mutex);
      if (impl_->broken) continue;
      impl_->communicator = communicator;
      return {generation, std::move(communicator)};
    } catch (const PeerError& error) {
      report(error);
    }
  }
}

void Membership::report(const PeerError& error) {
  std::int64_t generation = 0;
  bool known = false;
  bool broken = false;
  int about = -1;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->communicator) impl_->communicator->abort();
    impl_->communicator.reset();
    impl_->require_wanted();
    generation = impl_->joined;
    known = impl_->latest.number > generation;
    broken = impl_->broken;
    const auto& members = impl_->latest.members;
    if (!known && error.rank() >= 0 && error.rank() < static_cast<int>(members.size()))
      about = members[static_cast<std::size_t>(error.rank())].worker;
  }
  const int worker = impl_->options.worker;
  if (!known) {
    const bool damaged = dynamic_cast<const DamagedMessageError*>(&error) != nullptr;
    impl_->store->set(
        keys::suspicion(generation, worker),
        StoreJson{{"about", about}, {"text", error.what()}, {"damaged", damaged}}.dump());
  }
  if (!broken) impl_->store->set(keys::aborted(generation, worker), "");
}

std::vector<MemberChange> Membership::unlogged_changes() {
  std::int64_t logged = 1;
  if (const auto text = impl_->store->get_if_present(keys::logged))
    std::from_chars(text->data(), text->data() + text->size(), logged);
  const std::lock_guard lock(impl_->mutex);
  auto& changes = impl_->changes;
  changes.erase(changes.begin(), changes.upper_bound(logged));
  std::vector<MemberChange> unlogged;  // of generations that ended before they began, too
  for (auto at = changes.begin(); at != changes.upper_bound(impl_->joined); ++at)
    unlogged.insert(unlogged.end(), at->second.begin(), at->second.end());
  return unlogged;
}

void Membership::changes_logged() {
  impl_->store->set(keys::logged, std::to_string(impl_->joined));
}

bool Membership::change_requested() const {
  return impl_->change || impl_->broken;
}

void Membership::request_leave() {
  if (impl_->leaving.exchange(true)) return;
  impl_->store->set(keys::leaving(impl_->options.worker), "asked");
}

bool Membership::has_left() const {
  return impl_->left;
}

bool Membership::holds_lease() const {
  const std::lock_guard lock(impl_->mutex);
  return !impl_->lease_lost && Clock::now() - impl_->lease_renewed < impl_->options.lease;
}

void Membership::confirm() {
  impl_->confirm();
}

void Membership::on_lease_lost(std::function<void()> work) {
  const std::lock_guard lock(impl_->mutex);
  impl_->lease_lost_work = std::move(work);
}

void Membership::set_progress(std::int64_t step, WorkerActivity activity) {
  impl_->step = step;
  impl_->activity = activity;
}

std::string Membership::agree(const std::string& key, const std::string& mine) {
  return impl_->store->compare_set(keys::agreed(key), "", mine);
}

void Membership::job_done() {
  impl_->store->set(keys::done, "done");
}

}  // namespace convoy
