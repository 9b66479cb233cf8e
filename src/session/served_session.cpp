// Declared in session/make_session.hpp.
// Workers of parameter servers: whoever is there works, and one of them records the run.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "core/kernel_info.hpp"
#include "session/make_session.hpp"

namespace convoy {
namespace {

constexpr std::chrono::milliseconds look_every{20};

class ServedSession final : public Session {
 public:
  explicit ServedSession(SessionOptions options)
      : Session(std::move(options)), servers_(options_.servers.get()) {
    if (servers_ != nullptr) records_ = servers_->coordinates();
  }

  void compare_kernels(bool alike) override {
    if (servers_ == nullptr) return;
    const std::string info = kernel_info(servers_->rank());
    compare_with_first(servers_->agree("kernels", info), info, alike);
  }

  bool enter() override { return true; }
  void leave() override {}
  Communicator* group() const override { return nullptr; }

  bool records() const override { return records_; }
  bool evaluates() const override { return records_; }

  bool begins() override {
    if (servers_ == nullptr) return true;
    while (!servers_->begun()) {
      if (records_ || (records_ = servers_->coordinates())) {
        again_ = !servers_->previous_coordinator().empty();
        return true;
      }
      if (stop_requested()) throw Interrupted("stopped before the first step; nothing was kept");
      std::this_thread::sleep_for(look_every);
    }
    // Who came in place of one that was lost, and records the run already, finds out how far it is.
    records_ = false;
    return false;
  }
  void began() override {
    if (servers_ != nullptr) servers_->publish_begun();
  }
  // Before the run begins one may have been lost that was to record it.
  bool takes_over() override {
    if (std::exchange(again_, false)) return true;
    if (servers_ == nullptr || records_ || !servers_->coordinates()) return false;
    records_ = true;
    const std::string before = servers_->previous_coordinator();
    for (const ServedWorker& process : servers_->processes(/*now=*/true))
      if (!process.gone || process.name == before) logged_.insert(process.name);
    return true;
  }

  // Between two of its steps, when it was asked to and others stay.
  bool leave_requested() const override {
    if (servers_ == nullptr || options_.leave == nullptr || !options_.leave->load()) return false;
    if (servers_->may_go()) {
      left_ = true;
      return true;
    }
    if (present(servers_->processes(/*now=*/false)) == 1 && !std::exchange(logged_alone_, true))
      fmt::print(stderr,
                 "convoy: cannot leave: there is no other worker; it does when one joins\n");
    return false;
  }

  std::vector<Json> changes(const std::string& /*from*/) override {
    std::vector<Json> events;
    if (servers_ == nullptr) return events;
    const bool begins = logged_.empty();
    const std::vector<ServedWorker> all = servers_->processes(/*now=*/begins);
    for (const ServedWorker& process : all) {
      if (process.gone ? !logged_.contains(process.name) : !logged_.insert(process.name).second)
        continue;
      if (process.gone) logged_.erase(process.name);
      if (begins) continue;
      events.push_back({{"event", process.gone ? "lost" : "joined"},
                        {"worker", process.rank},
                        {"host", process.host},
                        {"workers", present(all)}});
    }
    return events;
  }

  // Nobody goes before all is kept: whoever records the run may be lost before that.
  bool await_end() override {
    if (records_) return true;
    while (!servers_->finished()) {
      if (servers_->coordinates()) return true;  // takes_over()
      if (stop_requested()) return false;
      std::this_thread::sleep_for(look_every);
    }
    return false;
  }
  void done() override {
    if (servers_ != nullptr && records_) servers_->publish_end(/*finished=*/true);
  }
  // The end of a process that leaves is how the others learn that it has gone.
  void end() override {
    if (servers_ != nullptr && !left_) servers_->leave();
  }

  // Whoever took the run over would meet with the same.
  void failed() override {
    if (servers_ == nullptr || !records_) return;
    try {
      servers_->publish_end(/*finished=*/false);
    } catch (const Error&) {  // the rendezvous is lost: all end
    }
  }

 private:
  static std::int64_t present(const std::vector<ServedWorker>& all) {
    return std::count_if(all.begin(), all.end(),
                         [](const ServedWorker& process) { return !process.gone; });
  }

  ServerGroup* servers_;  // null: threads of this process
  bool records_ = true;
  bool again_ = false;            // another one was to record the run, and was lost before it began
  std::set<std::string> logged_;  // processes that are there, as was logged
  mutable bool logged_alone_ = false;
  mutable bool left_ = false;
};

}  // namespace

std::unique_ptr<Session> make_served_session(SessionOptions options) {
  return std::make_unique<ServedSession>(std::move(options));
}

}  // namespace convoy
