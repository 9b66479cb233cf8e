#pragma once
// The inside of the Trainer, shared by trainer.cpp (construction, the loop), step.cpp (one step),
// record.cpp (what is told about a run) and save.cpp (what is kept of it).
#include <chrono>
#include <map>
#include <optional>

#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/checkpoint/writer.hpp"
#include "convoy/lanes/balance.hpp"
#include "convoy/optim/optimizer.hpp"
#include "convoy/server/server_group.hpp"
#include "convoy/train/trainer.hpp"
#include "core/replica_pool.hpp"
#include "infer/inference.hpp"
#include "lanes/sample_schedule.hpp"
#include "train/averaging.hpp"
#include "train/column_step.hpp"
#include "train/nonfinite.hpp"
#include "train/reduction.hpp"
#include "train/replica.hpp"
#include "train/sharded_state.hpp"
#include "train/shared_update.hpp"
#include "train/shared_weights.hpp"
#include "train/trained_values.hpp"
#include "train/training_group.hpp"
#include "train/training_state.hpp"

namespace convoy {

class ServerWorker;
struct ServerTurn;
struct ServerStep;

class Trainer::Impl {
 public:
  Impl(Job job, ModelFactory factory, Loss loss, TrainingData data, RunOptions options);
  RunSummary run();

 private:
  using Json = nlohmann::ordered_json;

  // trainer.cpp
  void make_replicas();
  void forget_state();
  void make_reduction();
  void build_reduction();
  Network replica_network() const;
  void start_trace();
  bool is_first() const {
    if (options_.servers) return tends_;
    return !options_.group || options_.group->rank() == 0;
  }
  int worker() const { return options_.group ? options_.group->rank() : 0; }
  int workers() const { return options_.group ? options_.group->size() : 1; }
  std::unique_ptr<Observer> open_log();
  void own_lanes();
  Json resume();  // the event to tell, null if there was nothing to resume
  Json restore_newest();
  void share_restored();
  void train_to_end();
  void between_steps();
  void tell_step();
  void show_on_timeline(const char* name, TimeUse::Clock::time_point begin);
  bool ended_epoch() const { return progress_.step % schedule_.steps_per_epoch() == 0; }
  bool finished() const { return progress_.step >= total_steps_; }
  bool evaluation_due() const;
  bool checkpoint_due() const;
  void stop_if_asked();

  // rounds.cpp
  void make_strategy();
  void enter_strategy();
  void require_fitting_strategy() const;
  bool own_steps() const { return own_steps_; }
  bool compressed() const { return sums_ != nullptr; }
  /// Everybody has the whole optimizer state, or its host does, and weights do not travel.
  bool replicated() const { return options_.membership != nullptr || compressed() || own_steps(); }
  /// Nobody else's part is needed to keep the state.
  bool kept_by_first() const { return !team_ || options_.membership != nullptr; }
  /// The group in which every step is taken together; null: this worker takes it alone.
  TrainingGroup* step_team() const { return own_steps() ? nullptr : team_.get(); }
  std::int64_t own_samples() const;
  bool exchange_due() const;
  void meet();
  Wish own_wish() const;
  void agree_on_result();
  void end_together(bool agreed);
  void share_counters();
  void with_model(const std::function<void()>& work);
  void forget_residuals();
  Json compression_json() const;

  // own_state.cpp
  using OwnState = std::vector<std::pair<std::string, torch::Tensor>>;
  bool keeps_own_state() const {
    return own_steps() || (compressed() && options_.membership == nullptr);
  }
  OwnState own_state() const;
  /// Of the checkpoint that is read, where it fits; else null.
  torch::Tensor* kept_own_state(int worker, const std::string& name, const torch::Tensor& like);
  Shard own_shard() const;
  void take_own_state(const OwnState& state);
  void take_out_own_state(TrainingState& state);
  void restore_own_state();
  void restore_for_all();
  void copy_own_state(int source, const std::vector<int>& takers);
  bool find_own_states(const std::vector<std::string>& wanted);

  // unlike.cpp
  void compare_kernels() const;
  void compare_kernels_with(const std::string& first, const std::string& own) const;

  // columns.cpp
  void require_fitting_columns() const;
  void make_columns();
  std::int64_t parameter_count() const;
  void add_columns(TrainingState& state) const;
  void take_out_columns(TrainingState& state, const std::string& file);
  void add_column_report(Json& report) const;
  std::shared_ptr<torch::nn::Module> whole_model();
  std::string sha256_of_whole(const std::shared_ptr<torch::nn::Module>& model) const;

  // elastic_run.cpp
  RunSummary run_elastic();
  RunSummary finish_together();
  void keep_folder();
  void enter(Membership::Group joined);
  void leave();
  void synchronise();
  Json describe_self() const;
  void require_same_job(const std::vector<Json>& members) const;
  void begin_run();
  void share_beginning();
  void catch_up(const std::vector<Json>& members, int source);
  void take_told(const Json& from);
  void catch_up_own(const std::vector<Json>& members, int source);
  void take_over_folder(bool goes_on, bool tend_again);
  void emit_repairs(const Json& member);
  void note_earlier_log();
  std::vector<MemberChange> untold_changes();
  void emit_changes(const std::vector<Json>& members, const std::string& from);
  int number_of(int rank) const;
  void tell_progress(WorkerActivity activity) const;

  // sharing.cpp
  bool may_share_update() const;
  void share_update();
  void stop_sharing();
  void update_together(const UpdateContext& context);
  void throw_if_broken();

  // server_run.cpp
  struct Served;
  RunSummary run_served();
  void make_server_workers();
  void begin_serving();
  void prepare_servers(ServerWorker& worker, bool resumed);
  std::optional<ServerTurn> serve(ServerWorker& worker, bool first);
  bool leaves();
  void note(ServerWorker& worker, const ServerTurn& turn, const ServerStep& result);
  RunSummary finish_served(const ServerTurn& last);
  void count_time(ServerWorker& worker);
  void copy_from(ServerWorker& worker, bool with_states);
  void report_servers(ServerWorker& worker);

  // server_tending.cpp
  void await_beginning();
  void take_over_serving(ServerWorker& worker, const ServerTurn& turn);
  void await_end(const ServerTurn& last);
  void end_for_all();
  void tend(ServerWorker& worker, const ServerTurn& turn);
  void tend_step(ServerWorker& worker, bool current);
  void emit_processes();

  // balance.cpp
  void start_worker_balancing(const std::vector<int>& parallel);
  void start_replica_balancing();
  void balance(const StepNews& news);
  void move_lanes(const std::vector<std::int64_t>& counts, double imbalance_before);
  void emit_lanes(const char* reason, double before, double after);
  Json balance_json() const;

  // verify.cpp
  bool verification_due() const;
  std::string state_digest() const;
  bool verify_weights();
  void take_back();
  Json restore_verified();
  void emit_repaired(int rank, const std::string& text);
  void flip_if_planned();

  // step.cpp
  void step();
  StepNews update();
  void compute();
  std::vector<PartialSum*> gather_sums();
  StepNews exchange_news();
  void publish_buffers(const StepNews& news, double samples);
  void apply_update(double squared_norm, double scale);
  void handle_nonfinite();
  void tell_nonfinite(const NonFinite& found);

  // record.cpp
  Json event(const std::string& kind) const;
  Json event(const std::string& kind, std::int64_t step) const;
  void emit(const Json& event);
  void emit_start();
  void emit_step();
  void emit_tuned();
  Inference infer(const Dataset& dataset);
  Json evaluate_split(const std::string& split, const Dataset& dataset);
  void write_checkpoint();
  TrainingState copy_state();
  WrittenCheckpoint save_with_shards(const TrainingState& state);
  void tell_checkpoint(const WrittenCheckpoint& written);
  void tell_checkpoints();
  void settle_checkpoints();
  void collect_shards();
  bool folder_is_shared();
  void write_timeline();
  Json worker_reports();
  void require_equal_weights(const std::string& sha256);
  RunSummary finish();
  Json summary(const std::string& sha256) const;
  void write_sample_predictions(const Dataset& dataset, const Inference& inference);
  void sync_networks(bool training);

  Job job_;
  ModelFactory factory_;
  Loss loss_;
  TrainingData data_;
  RunOptions options_;
  std::int64_t batch_;
  std::int64_t lanes_;
  SampleSchedule schedule_;
  std::int64_t total_steps_;
  std::unique_ptr<Optimizer> optimizer_;
  ReplicaPool pool_;

  std::unique_ptr<SharedWeights> weights_;
  std::vector<torch::Tensor> states_;       // the optimizer's, of this worker's blocks
  std::unique_ptr<SharedUpdate> sharing_;   // while it is not null states_ are there
  std::exception_ptr broken_;               // a group that broke after the step was committed
  std::vector<torch::Tensor> full_states_;  // all of it, on worker 0 while it resumes
  ReplicaShared shared_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<ColumnStep> columns_;      // null: features are not partitioned
  std::vector<torch::Tensor> full_columns_;  // of worker 0 while it resumes: weight, states
  std::vector<Range> worker_lanes_;
  std::unique_ptr<Reduction> reduction_;
  bool own_steps_ = false;               // each worker takes steps of its own
  std::unique_ptr<GroupSum> sums_;       // of gradients; null: they travel whole
  std::unique_ptr<TrainingGroup> team_;  // null: the only worker
  std::unique_ptr<TrainedValues> values_;
  std::unique_ptr<Averaging> averaging_;             // of workers that take steps of their own
  std::vector<float> own_values_;                    // while the weights are those of all workers
  std::int64_t met_ = 0;                             // the step of the last exchange
  std::string failure_;                              // why this worker cannot go on
  std::map<std::string, torch::Tensor> own_states_;  // of all workers, while worker 0 resumes
  std::unique_ptr<Trace> trace_;
  std::optional<CheckpointStore> checkpoints_;
  std::unique_ptr<CheckpointWriter> writer_;  // null: nothing has been written yet
  std::optional<bool> folder_shared_;         // by all workers
  std::vector<ShardFile> collected_;          // written by worker 0 for others
  Json identity_;

  Progress progress_;
  std::vector<LaneResult> lane_results_;
  double last_loss_ = 0;
  double last_rate_ = 0;
  double last_norm_ = 0;
  double last_seconds_ = 0;
  bool stop_asked_ = false;
  std::int64_t verified_ = 0;  // the last step after which all had the same

  std::vector<double> replica_seconds_;  // of the last step
  std::vector<double> worker_seconds_;   // the same of the slowest replica, by worker
  std::vector<std::int64_t> replica_counts_;
  std::optional<LaneBalancer> replica_balancer_;
  std::optional<LaneBalancer> worker_balancer_;
  bool parallel_known_ = false;  // of the workers there are

  // Of an elastic job.
  Generation generation_;
  bool change_agreed_ = false;   // the members change after this step
  bool has_state_ = false;       // of progress_.step; false while another one's is received
  std::int64_t tended_ = 0;      // the last step after which all was done that is due
  bool was_first_ = false;       // it has the run's folder
  std::string damaged_message_;  // what ended the generation before
  std::optional<TimeUse::Clock::time_point> failed_at_;

  // With parameter servers.
  Served* served_ = nullptr;  // while they serve
  bool tends_ = true;         // this process does the run's folder
  bool overdue_ = false;      // an evaluation and a checkpoint, after one who tended was lost
  Json server_report_;

  std::unique_ptr<Observer> log_;
  // Since this process began, and at the last `step` event.
  struct Meter {
    double seconds = 0;
    std::int64_t samples = 0;
    std::int64_t steps = 0;
    TimeUse time_use;
  };
  Meter meter_;
  Meter reported_;
  TimeUse total_time_use() const;
  Json time_use_per_step(const Meter& since) const;

  std::map<std::string, Json> evaluations_;  // by split: the last one
  std::map<std::string, std::int64_t> evaluated_at_;
  std::string best_metric_;
};

}  // namespace convoy
