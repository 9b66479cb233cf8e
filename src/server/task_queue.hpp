#pragma once
// Who computes what: steps of the run, cut into tasks (lanes of a batch),
// handed out to whoever is there. Kept by shard 0's server; a state machine as
// a Shard is.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/shard.hpp"

namespace convoy::server {

class TaskQueue {
 public:
  /// `buffers`: the running statistics that the run begins with.
  TaskQueue(const ShardPlan& plan, std::vector<double> buffers);
  /// Buffers that are no floats, as bytes.
  void begin_counters(std::string counters) { counters_ = std::move(counters); }

  /// A task for a worker, in `answer` (step, lanes; flags finished, stop;
  /// numbers: the loss of the last whole step, how many steps are whole, then
  /// the running statistics; text: counters). False: there is none now.
  /// `whole`: the version of shard 0, which in bsp must have come to the step.
  bool take(const Message& request, std::int64_t version, Message& answer);
  /// Tells a backup what take() decided: the step's tasks are in rows (their
  /// owners) and numbers (where their lanes end).
  void describe(Message& assigned) const;
  /// The backup's side of it.
  void assigned(const Message& request);
  /// A task is done and everything of it acknowledged. Idempotent.
  void report(const Message& request);
  /// bsp: all of the step is done (numbers: losses by lane; flag stop), or a
  /// task that somebody lost.
  bool step_result(const Message& request, Message& answer);
  /// bsp: the step was applied, or left out: its statistics are published or
  /// forgotten.
  void settle(std::int64_t step, bool skipped);
  void gone(std::uint64_t worker);

  /// All of the state, for a backup.
  void save(SnapshotWriter& out) const;
  /// The reverse. Throws RequestError.
  static TaskQueue restore(SnapshotReader& in, const ShardPlan& plan);

  /// Tasks done by each worker.
  const std::map<std::uint64_t, std::int64_t>& done_by() const { return done_by_; }

 private:
  enum class State { open, taken, done };
  struct Part {
    Range lanes;
    std::uint64_t owner = 0;  // who shall have it; 0: anybody
    std::uint64_t taker = 0;
    State state = State::open;
  };
  struct Step {
    std::int64_t number = 0;
    std::vector<Part> parts;
    std::vector<double> losses;                           // by lane
    std::map<std::int64_t, std::vector<double>> buffers;  // by the first lane of a node
    std::vector<Range> nodes;
    std::int64_t samples = 0;
    bool settled = false;
    bool stop = false;  // bsp: the last one
    bool whole() const;
  };

  static void save(SnapshotWriter& out, const Step& step);
  Step restore_step(SnapshotReader& in) const;
  bool bsp() const { return plan_.options.consistency == "bsp"; }
  bool async() const { return plan_.options.consistency == "async"; }
  void require_present(const Message& request) const;
  void open_steps();
  Step* step_of(std::int64_t number);
  const Step* step_of(std::int64_t number) const;
  std::optional<Range> find_part(const Step& step, std::uint64_t worker) const;
  void request_stop();
  std::vector<Part> parts_of(const Message& assigned) const;
  void give(Step& step, Range lanes, std::uint64_t worker);
  void mix(const Message& request, const std::vector<double>& sums);
  void retire();
  void fill(Message& answer) const;

  ShardPlan plan_;
  std::vector<double> buffers_;
  std::string counters_;
  std::string next_counters_;  // bsp: of the step under way
  std::set<std::uint64_t> members_;
  std::set<std::uint64_t> departed_;
  std::deque<Step> steps_;  // those under way, in order
  std::int64_t next_ = 0;   // the next step to be opened
  bool stop_ = false;       // somebody was asked to
  bool halted_ = false;     // no more steps are begun
  Step last_;               // bsp: that is over, for those who ask late
  double loss_ = 0;
  std::map<std::uint64_t, std::int64_t> done_by_;
};

}  // namespace convoy::server
