#include "session/coordinator.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "convoy/comm/secret.hpp"
#include "convoy/core/error.hpp"
#include "core/machine.hpp"
#include "session/store_keys.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;
using StoreJson = nlohmann::json;

constexpr int calm_looks = 5;  // when nothing is expected: one look in place of so many

std::int64_t number_of(std::string_view text) {
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Counts up, whoever else does.
int next_number(Store& store, const std::string& key) {
  std::string seen = store.get_if_present(key).value_or("");
  while (true) {
    const std::int64_t number = seen.empty() ? 0 : number_of(seen);
    // With a mark of its own, so that two who write the same number see who did.
    const std::string mine =
        fmt::format("{} {}", number + 1, Secret::generate().text().substr(0, 16));
    const std::string now = store.compare_set(key, seen, mine);
    if (now == mine) return static_cast<int>(number);
    seen = now;
  }
}

std::string text_of(const Verdict& verdict) {
  return StoreJson{{"status", verdict.status}, {"text", verdict.text}}.dump(
      -1, ' ', false, StoreJson::error_handler_t::replace);
}

Verdict verdict_of(const std::string& text) {
  const StoreJson json = StoreJson::parse(text);
  return {json.at("status"), json.at("text")};
}

// Of "worker/12/ready": 12 and "ready".
std::pair<int, std::string_view> split_key(std::string_view key) {
  key.remove_prefix(key.find('/') + 1);
  const std::size_t slash = key.find('/');
  return {static_cast<int>(number_of(key.substr(0, slash))),
          slash == std::string_view::npos ? "" : key.substr(slash + 1)};
}

}  // namespace

Coordinator::Coordinator(std::unique_ptr<Store> store, const CoordinatorOptions& options)
    : options_(options),
      store_(std::move(store)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_ < 0) throw IoError("launch: no event descriptor");
  launcher_ = next_number(*store_, keys::next_launcher);
  store_->set(keys::launcher(launcher_),
              StoreJson{{"host", host_name()}, {"workers", options.workers}}.dump());
  thread_ = std::thread([this] { serve(); });
}

Coordinator::~Coordinator() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  store_->interrupt();
  thread_.join();
  ::close(event_);
}

std::optional<int> Coordinator::take_number() {
  const std::lock_guard lock(mutex_);
  if (numbers_.empty()) return std::nullopt;
  const int number = numbers_.front();
  numbers_.pop_front();
  wake_.notify_all();
  return number;
}

// The launcher must not wait for the store, whose process it may have to start anew.
void Coordinator::keep_numbers() {
  constexpr std::size_t enough = 4;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (numbers_.size() >= enough || stopping_) return;
    }
    const int number = next_number(*store_, keys::next_worker);
    const std::lock_guard lock(mutex_);
    numbers_.push_back(number);
    notify();
  }
}

void Coordinator::notify() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof(one));
}

void Coordinator::post(std::string key, std::string value) {
  {
    const std::lock_guard lock(mutex_);
    posts_.emplace_back(std::move(key), std::move(value));
  }
  wake_.notify_all();
}

void Coordinator::worker_started(int worker, pid_t pid) {
  post(keys::started(worker),
       StoreJson{{"launcher", launcher_}, {"host", host_name()}, {"pid", pid}}.dump());
}

void Coordinator::worker_lost(int worker, const std::string& reason) {
  post(keys::lost(worker), reason);
}

void Coordinator::exhausted(const std::string& reason) {
  post(keys::launcher(launcher_) + "/exhausted", reason);
}

void Coordinator::give_verdict(const Verdict& verdict) {
  post(keys::verdict, text_of(verdict));
}

void Coordinator::gone() {
  try {
    store_->set(keys::launcher(launcher_) + "/gone", "gone");
  } catch (const Error&) {  // then the others notice that it sends no heartbeat
  }
}

Coordinator::State Coordinator::state() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(event_, &count, sizeof(count));
  const std::lock_guard lock(mutex_);
  return state_;
}

void Coordinator::serve() {
  while (true) {
    try {
      look();
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      state_.verdict = Verdict{1, fmt::format("the job's store is lost: {}", error.what())};
      notify();
      return;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, calm_ ? calm_looks * options_.look : options_.look,
                   [this] { return stopping_ || !posts_.empty() || numbers_.empty(); });
    if (stopping_ && posts_.empty()) return;
  }
}

void Coordinator::look() {
  publish_posts();
  keep_numbers();
  store_->set(keys::launcher_alive(launcher_), std::to_string(++heartbeats_sent_));
  watch_heartbeats(store_->list(keys::alive));
  follow_generations();
  const Listing workers = store_->list(keys::workers);
  const Listing launchers = store_->list(keys::launchers);
  if (!store_->get_if_present(keys::done) && is_coordinator(launchers)) lead(workers, launchers);
  update_state(workers, launchers);
  calm_ = is_calm(workers);
}

// All that were started and are not lost train together. Looking costs time of the processors that
// they train on.
bool Coordinator::is_calm(const Listing& workers) const {
  for (const auto& [key, value] : workers) {
    const auto [worker, what] = split_key(key);
    const bool gone = workers.contains(keys::lost(worker));
    if (what == "leaving" && !gone) return false;
    if (what == "started" && !gone && latest_.rank_of(worker) < 0) return false;
    if (what == "started" && gone && latest_.rank_of(worker) >= 0) return false;
  }
  return latest_.number > 0 && !suspected_;
}

void Coordinator::publish_posts() {
  std::vector<std::pair<std::string, std::string>> posts;
  {
    const std::lock_guard lock(mutex_);
    posts.swap(posts_);
  }
  for (const auto& [key, value] : posts) {
    const bool first_holds = key == keys::verdict || key.ends_with("/lost");
    if (first_holds)
      store_->compare_set(key, "", value);
    else
      store_->set(key, value);
  }
}

void Coordinator::watch_heartbeats(const Listing& alive) {
  const auto now = Clock::now();
  // Time in which nobody could look, because the store was away or this process was stopped, says
  // nothing about the others.
  const auto before = std::exchange(looked_, now);
  const auto longest = std::max<Clock::duration>(10 * options_.look, options_.lost_after / 5);
  const auto blind = std::max(Clock::duration::zero(), now - before - longest);
  for (auto& [key, sign] : heartbeats_) sign.changed += blind;
  for (const auto& [key, value] : alive) {
    const auto [sign, first] = heartbeats_.try_emplace(key, Heartbeat{value, now});
    if (!first && sign->second.value != value) sign->second = {value, now};
    if (!key.starts_with(keys::alive + "worker/")) continue;
    // "count generation step activity"
    const auto at = value.find(' ');
    if (at == std::string::npos) continue;
    const std::int64_t generation = number_of(std::string_view(value).substr(at + 1));
    const auto next = value.find(' ', at + 1);
    if (next == std::string::npos) continue;
    std::int64_t& best = best_step_[generation];
    best = std::max(best, number_of(std::string_view(value).substr(next + 1)));
  }
}

// When they were looked at last; nothing when there never was a sign.
std::optional<double> Coordinator::silent_seconds(const std::string& key) const {
  const auto found = heartbeats_.find(key);
  if (found == heartbeats_.end()) return std::nullopt;
  return std::chrono::duration<double>(looked_ - found->second.changed).count();
}

// It said so, or sends no heartbeat.
bool Coordinator::has_gone(int launcher, const Listing& launchers, milliseconds patience) const {
  const double limit = std::chrono::duration<double>(patience).count();
  return launchers.contains(keys::launcher(launcher) + "/gone") ||
         silent_seconds(keys::launcher_alive(launcher)).value_or(0) > limit;
}

bool Coordinator::is_coordinator(const Listing& launchers) {
  const std::string mine = std::to_string(launcher_);
  const std::string now = store_->compare_set(keys::coordinator, "", mine);
  if (now == mine) return true;
  const auto other = static_cast<int>(number_of(now));
  return has_gone(other, launchers, options_.lost_after) &&
         store_->compare_set(keys::coordinator, now, mine) == mine;
}

// A generation that came no further than those before it achieved nothing.
bool Coordinator::has_gained(std::int64_t generation) const {
  if (generation == 0) return true;
  std::int64_t before = 0, own = 0;
  for (const auto& [number, step] : best_step_) {
    if (number < generation) before = std::max(before, step);
    if (number == generation) own = step;
  }
  return own > before;
}

void Coordinator::follow_generations() {
  while (const auto text = store_->get_if_present(keys::generation(latest_.number + 1))) {
    const std::int64_t before = latest_.number;
    latest_ = parse_generation(*text);
    suspected_.reset();
    fruitless_ = has_gained(before) ? 0 : fruitless_ + 1;
  }
}

JobView Coordinator::view(const Listing& workers) {
  JobView view;
  view.latest = latest_;
  view.fruitless = has_gained(latest_.number) ? 0 : fruitless_;
  for (const auto& [key, value] : workers) {
    const auto [worker, what] = split_key(key);
    if (worker < 0) continue;
    WorkerView& its = view.workers[worker];
    if (what == "started") {
      its.launcher = StoreJson::parse(value).value("launcher", 0);
      its.host = StoreJson::parse(value).value("host", "");
    } else if (what == "ready") {
      its.machine = StoreJson::parse(value).value("machine", "");
      if (!first_ready_) first_ready_ = Clock::now();
    } else if (what == "lost") {
      its.lost = value;
    } else if (what == "leaving") {
      its.leaving = true;
      view.settled = is_settled();
    }
  }
  if (first_ready_)
    view.waited = std::chrono::duration_cast<milliseconds>(Clock::now() - *first_ready_);
  return view;
}

// Its first member tells its changes once all have one state.
bool Coordinator::is_settled() {
  return number_of(store_->get_if_present(keys::logged).value_or("0")) >= latest_.number;
}

// Whose heartbeats have ended, by itself or with its launcher, is lost.
void Coordinator::declare_silent(JobView& view) {
  const double limit = std::chrono::duration<double>(options_.lost_after).count();
  for (auto& [worker, its] : view.workers) {
    if (its.lost || !its.ready()) continue;
    const auto silent = silent_seconds(keys::worker_alive(worker));
    if (!silent || *silent <= limit) continue;
    const std::string reason = fmt::format("sent no heartbeat for {:.1f} s", *silent);
    its.lost = store_->compare_set(keys::lost(worker), "", reason);
  }
}

void Coordinator::look_at_suspicions(JobView& view) {
  if (latest_.number == 0) return;
  for (const auto& [key, value] : store_->list(keys::suspicions(latest_.number))) {
    const StoreJson json = StoreJson::parse(value);
    const auto accuser =
        static_cast<int>(number_of(std::string_view(key).substr(key.rfind('/') + 1)));
    view.suspicions[accuser] = {json.at("about"), json.at("text"), json.at("damaged")};
  }
  if (view.suspicions.empty()) return;
  if (!suspected_) suspected_ = Clock::now();
  view.suspected_for = std::chrono::duration_cast<milliseconds>(Clock::now() - *suspected_);
}

void Coordinator::lead(const Listing& workers, const Listing& launchers) {
  JobView now = view(workers);
  declare_silent(now);
  look_at_suspicions(now);
  now.launchers = 0;
  for (const auto& [key, value] : launchers) {
    const auto [launcher, what] = split_key(key);
    if (!what.empty()) continue;
    ++now.launchers;
    if (!has_gone(launcher, launchers, options_.lost_after))
      now.announced += StoreJson::parse(value).value("workers", 0);
  }
  judge(now, launchers);
  DecisionOptions options;
  options.least = options_.least;
  options.gather = options_.gather;
  options.launchers = options_.launchers;
  for (const auto& [worker, reason] : evicted(now, options))
    now.workers[worker].lost = store_->compare_set(keys::lost(worker), "", reason);
  const auto next = decide(now, options);
  if (!next) return;
  store_->compare_set(keys::generation(next->number), "", to_text(*next));
  follow_generations();
  // Whoever formed the group before the last one has done with its addresses.
  for (const auto& [key, value] : store_->list(fmt::format("group/{}/", next->number - 2)))
    store_->delete_key(key);
}

// When too few are left and no launcher starts more, that is the end.
void Coordinator::judge(const JobView& view, const Listing& launchers) {
  int living = 0;
  for (const auto& [worker, its] : view.workers) living += its.lost ? 0 : 1;
  if (living >= options_.least) return;
  std::string reason;
  for (const auto& [key, value] : launchers) {
    const auto [launcher, what] = split_key(key);
    if (!what.empty()) continue;
    const auto spent = launchers.find(keys::launcher(launcher) + "/exhausted");
    if (spent == launchers.end() && !has_gone(launcher, launchers, options_.lost_after)) return;
    if (spent != launchers.end()) reason = spent->second;
  }
  store_->compare_set(keys::verdict, "", text_of({1, reason}));
}

void Coordinator::update_state(const Listing& workers, const Listing& launchers) {
  State now;
  now.latest = latest_;
  for (const auto& [key, value] : workers) {
    const auto [worker, what] = split_key(key);
    if (what == "lost") now.lost[worker] = value;
  }
  now.launchers = 0;
  for (const auto& [key, value] : launchers) {
    const auto [launcher, what] = split_key(key);
    if (what.empty() && !has_gone(launcher, launchers, options_.store_patience)) ++now.launchers;
  }
  if (store_->get_if_present(keys::done))
    now.verdict = Verdict{};
  else if (const auto text = store_->get_if_present(keys::verdict))
    now.verdict = verdict_of(*text);
  const std::lock_guard lock(mutex_);
  const bool same = now.latest == state_.latest && now.lost == state_.lost &&
                    now.launchers == state_.launchers &&
                    now.verdict.has_value() == state_.verdict.has_value();
  state_ = std::move(now);
  if (!same) notify();
}

}  // namespace convoy
