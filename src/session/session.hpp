#pragma once
// Who takes part in a run, from its beginning to its end: a fixed group, workers that come and go,
// or workers of parameter servers. One class each, made by make_session.
#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/core/error.hpp"
#include "convoy/server/server_group.hpp"
#include "convoy/session/membership.hpp"
#include "strategies/setup.hpp"

namespace convoy {

struct SessionOptions {
  const std::atomic<bool>* stop = nullptr;   ///< set: the run is to stop; may be null
  const std::atomic<bool>* leave = nullptr;  ///< set: this worker is to leave; may be null
  // At most one of these; none: this worker is alone.
  std::shared_ptr<Communicator> group;
  Membership* membership = nullptr;
  std::shared_ptr<ServerGroup> servers;
};

/// Used by the thread that trains, but for what StepControl says is thread-safe.
class Session : public StepControl {
 public:
  using Json = nlohmann::ordered_json;

  /// Before anything else. `alike`: workers that compute other bits than the rest are refused
  /// (InputError for all, RefusedError for one that joins); else there is a warning.
  virtual void compare_kernels(bool alike) = 0;

  /// Takes part, in the group of those who are there: once, or again after each leave(). False:
  /// this worker has left for good.
  virtual bool enter() = 0;
  /// The group is aborted: what is under way in it fails.
  virtual void leave() = 0;
  /// After leave(): whether the run goes on without whoever was lost.
  virtual bool recover(const PeerError& /*error*/) { return false; }

  /// Of all that take each step together; null: this worker is alone.
  virtual Communicator* group() const = 0;
  int rank() const { return group() == nullptr ? 0 : group()->rank(); }
  int size() const { return group() == nullptr ? 1 : group()->size(); }
  /// The worker's number, its own for the whole run.
  virtual int number_of(int rank) const { return rank; }
  /// How often members have changed, from 1.
  virtual std::int64_t generation() const { return 1; }
  virtual bool is_elastic() const { return false; }

  bool stop_requested() const override { return options_.stop != nullptr && options_.stop->load(); }
  bool leave_requested() const override { return false; }
  bool records() const override { return rank() == 0; }
  /// Whether this worker takes part in evaluations and checkpoints: all of a group do.
  virtual bool evaluates() const { return true; }
  /// Between steps: whether this worker has become the one that records, or must take the run's
  /// folder again because another one may have had it meanwhile.
  virtual bool takes_over() { return false; }

  /// Before the first step: true where this worker, with its group, makes the beginning; false when
  /// others have made it. began() tells them.
  virtual bool begins() { return true; }
  virtual void began() {}

  /// `joined` and `lost` events since the last that were logged, without time and step. `from`:
  /// what those who joined began with.
  virtual std::vector<Json> changes(const std::string& /*from*/) { return {}; }
  virtual void changes_logged() {}
  /// The value that the first worker which asked gave: the same for all workers of the run.
  virtual std::string agree(const std::string& /*key*/, const std::string& mine) { return mine; }
  /// Seconds since the group before broke, where it did; else negative. Asked once.
  virtual double take_recovery_seconds() { return -1; }

  /// After the last step: nothing is left to do for a worker that does not record. True: it has
  /// become the one that records, and ends the run.
  virtual bool await_end() { return true; }
  /// All is kept that there was to keep. Nobody goes before.
  virtual void done() {}
  /// The last call of a worker that does not fail.
  virtual void end() {}
  /// An error ends the run here.
  virtual void failed() {}

 protected:
  explicit Session(SessionOptions options) : options_(std::move(options)) {}

  SessionOptions options_;
};

std::unique_ptr<Session> make_session(SessionOptions options, bool served);

}  // namespace convoy
