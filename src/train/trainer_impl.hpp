#pragma once
// The inside of the Trainer, shared by trainer.cpp (construction, the loop), step.cpp (one step)
// and record.cpp (what is written about it).
#include <chrono>
#include <map>
#include <optional>

#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/optim/optimizer.hpp"
#include "convoy/train/trainer.hpp"
#include "core/replica_pool.hpp"
#include "infer/inference.hpp"
#include "train/nonfinite.hpp"
#include "train/reduction.hpp"
#include "train/replica.hpp"
#include "train/sample_schedule.hpp"
#include "train/shared_weights.hpp"
#include "train/training_state.hpp"

namespace convoy {

class Trainer::Impl {
 public:
  Impl(Job job, ModelFactory factory, Loss loss, TrainingData data, RunOptions options);
  RunSummary run();

 private:
  using Json = nlohmann::ordered_json;

  // trainer.cpp
  void make_replicas(const ModelFactory& factory);
  std::unique_ptr<Observer> open_log();
  Json resume();  // the event to tell, null if there was nothing to resume
  void train_to_end();
  void between_steps();
  bool ended_epoch() const { return progress_.step % schedule_.steps_per_epoch() == 0; }
  bool finished() const { return progress_.step >= total_steps_; }
  bool evaluation_due() const;
  bool checkpoint_due() const;
  void stop_if_asked();

  // step.cpp
  void step();
  std::vector<PartialSum*> gather_sums();
  void add_buffers(const std::vector<PartialSum*>& sums);
  void publish_buffers(double samples);
  void apply_update(double squared_norm);
  void handle_nonfinite();

  // record.cpp
  Json event(const std::string& kind) const;
  void emit(const Json& event);
  void emit_start();
  void emit_step();
  Inference infer(const Dataset& dataset);
  Json evaluate_split(const std::string& split, const Dataset& dataset);
  void write_checkpoint();
  RunSummary finish();
  Json summary(const std::string& sha256) const;
  void write_sample_predictions(const Dataset& dataset, const Inference& inference);
  void sync_networks(bool training);

  Job job_;
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
  std::vector<torch::Tensor> states_;  // the optimizer's, flat, in the layout of the weights
  ReplicaShared shared_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<Reduction> reduction_;
  std::optional<CheckpointStore> checkpoints_;
  Json identity_;

  Progress progress_;
  std::vector<LaneResult> lane_results_;
  double last_loss_ = 0;
  double last_rate_ = 0;
  double last_norm_ = 0;

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
