#pragma once
// The inside of the Trainer: trainer.cpp (construction, the loop, what is due between steps),
// catch_up.cpp (how a group begins, or goes on from the one before), results.cpp (evaluation, the
// end), weight_check.cpp (whether all workers still have the same weights).
#include <map>
#include <memory>
#include <optional>

#include "convoy/lanes/sample_schedule.hpp"
#include "convoy/strategies/strategy.hpp"
#include "convoy/train/trainer.hpp"
#include "session/session.hpp"
#include "train/checkpoint_manager.hpp"
#include "train/run_recorder.hpp"

namespace convoy {

class Trainer::Impl {
 public:
  Impl(TrainerOptions wanted, ModelFactory factory, Loss loss, TrainingData data,
       RunOptions options);
  RunSummary run();

 private:
  using Json = nlohmann::ordered_json;
  using Clock = std::chrono::steady_clock;

  // trainer.cpp
  std::unique_ptr<Strategy> make_strategy(ModelFactory factory);
  std::unique_ptr<CheckpointManager> make_checkpoint_manager();
  void train_together();
  void take_step();
  void commit(const StepOutcome& outcome);
  void count_step(bool last, const StepOutcome& outcome);
  void between_steps();
  void log_step();
  void stop_now();
  void write_checkpoint();
  void show_on_timeline(const char* name, Clock::time_point begin);
  bool finished() const { return step_ >= total_steps_; }
  bool ended_epoch() const { return step_ % schedule_->steps_per_epoch() == 0; }
  bool evaluation_due() const;
  bool checkpoint_due() const;

  // catch_up.cpp
  void join_in();
  void abort_group();
  void synchronise();
  Json describe_self() const;
  void require_same_job(const std::vector<Json>& members) const;
  void begin_run();
  void catch_up(const std::vector<Json>& members, int source);
  void adopt_progress(const Json& from);
  void take_over_log();
  void take_over_served(const StepOutcome& outcome);
  void note_earlier_log();
  std::vector<Json> unlogged_changes(const std::string& from);
  void log_changes(const std::vector<Json>& members, const std::string& from);
  void log_moved(const char* reason, const MovedLanes& lanes);
  std::vector<std::string> all_gather(const std::string& mine) const;

  // results.cpp
  void evaluate_split(const std::string& split, const Dataset& dataset);
  Json best_metric() const;
  RunSummary finish();
  RunSummary conclude();
  Json worker_reports(const Json& report) const;
  void write_timeline();

  // weight_check.cpp
  bool check_due() const;
  bool check_weights();
  void roll_back();
  void flip_if_planned();

  TrainerOptions wanted_;
  Loss loss_;
  TrainingData data_;
  RunOptions options_;
  std::int64_t batch_;
  std::int64_t lanes_;
  std::unique_ptr<const SampleSchedule> schedule_;
  std::int64_t total_steps_;
  Json identity_;
  std::string best_metric_;
  std::unique_ptr<Trace> trace_;

  std::unique_ptr<Session> session_;
  std::unique_ptr<Strategy> strategy_;  // goes before the session, whose groups it uses
  std::unique_ptr<RunRecorder> recorder_;
  std::unique_ptr<CheckpointManager> checkpoint_manager_;  // null: nothing is kept

  std::int64_t step_ = 0;         // steps that are over
  double earlier_seconds_ = 0;    // spent in training by earlier processes
  double uncounted_seconds_ = 0;  // since a step was over
  StepNumbers last_;
  bool change_members_ = false;  // after this step
  bool left_ = false;            // this worker takes no more part
  std::optional<StepOutcome> last_outcome_;
  std::int64_t checked_ = 0;  // the last step after which all had the same weights
  std::map<std::string, std::int64_t> evaluated_at_;

  // Of a job whose workers come and go.
  bool has_state_ = false;       // that after step_; false while another one's is received
  std::int64_t due_done_ = 0;    // the last step after which all was done that is due
  bool was_recorder_ = false;    // it has the run's folder
  bool overdue_ = false;         // an evaluation and a checkpoint may have been missed
  std::string damaged_message_;  // what ended the generation before
};

}  // namespace convoy
