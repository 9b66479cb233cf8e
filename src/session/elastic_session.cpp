// Declared in session/make_session.hpp.
// Workers that come and go: one generation of members after the other.
#include <optional>

#include "core/kernel_info.hpp"
#include "session/make_session.hpp"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

class ElasticSession final : public Session {
 public:
  explicit ElasticSession(SessionOptions options)
      : Session(std::move(options)), membership_(*options_.membership) {}

  void compare_kernels(bool alike) override {
    const std::string info = kernel_info(membership_.worker());
    compare_with_first(membership_.agree("kernels", info), info, alike);
  }

  bool enter() override {
    communicator_.reset();
    Membership::Group joined = membership_.join(options_.stop);
    generation_ = std::move(joined.generation);
    communicator_ = std::move(joined.communicator);
    return communicator_ != nullptr;
  }

  void leave() override {
    if (communicator_) communicator_->abort();
  }

  bool recover(const PeerError& error) override {
    if (dynamic_cast<const FencedError*>(&error) != nullptr) return false;
    communicator_.reset();
    if (!failed_at_) failed_at_ = Clock::now();
    membership_.report(error);
    return true;
  }

  Communicator* group() const override {
    return communicator_ && communicator_->size() > 1 ? communicator_.get() : nullptr;
  }
  int number_of(int rank) const override {
    return generation_.members[static_cast<std::size_t>(rank)].worker;
  }
  std::int64_t generation() const override { return generation_.number; }
  bool is_elastic() const override { return true; }

  bool change_requested() const override { return membership_.change_requested(); }
  void computing(std::int64_t step) override { report_progress(step, WorkerActivity::computing); }
  void communicating(std::int64_t step) override {
    report_progress(step, WorkerActivity::communicating);
  }

  // Who cannot reach the store may have been declared lost, and another one may write there now.
  bool takes_over() override {
    if (!records() || membership_.holds_lease()) return false;
    membership_.confirm();
    return true;
  }

  std::vector<Json> changes(const std::string& from) override {
    std::vector<Json> events;
    for (const MemberChange& change : membership_.unlogged_changes()) {
      const bool joined = change.kind == MemberChange::Kind::joined;
      Json event = {
          {"event", joined ? "joined" : "lost"}, {"worker", change.worker}, {"host", change.host}};
      if (joined)
        event["from"] = from;
      else
        event["reason"] = change.reason;
      event["generation"] = generation_.number;
      event["workers"] = size();
      events.push_back(std::move(event));
    }
    return events;
  }
  void changes_logged() override { membership_.changes_logged(); }
  std::string agree(const std::string& key, const std::string& mine) override {
    return membership_.agree(key, mine);
  }
  double take_recovery_seconds() override {
    if (!failed_at_) return -1;
    return std::chrono::duration<double>(Clock::now() - *std::exchange(failed_at_, {})).count();
  }

  // Nobody goes before all that the run leaves is written.
  void done() override {
    if (records()) membership_.job_done();
    communicator_->barrier();
  }

 private:
  void report_progress(std::int64_t step, WorkerActivity activity) {
    membership_.set_progress(step, activity);
    if (options_.leave != nullptr && options_.leave->load()) membership_.request_leave();
  }

  Membership& membership_;
  Generation generation_;
  std::shared_ptr<Communicator> communicator_;
  std::optional<Clock::time_point> failed_at_;
};

}  // namespace

std::unique_ptr<Session> make_elastic_session(SessionOptions options) {
  return std::make_unique<ElasticSession>(std::move(options));
}

}  // namespace convoy
