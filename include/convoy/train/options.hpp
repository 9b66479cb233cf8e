#pragma once
// How weights are learnt, saved and measured. No libtorch in this header.
#include <cstdint>
#include <string>
#include <vector>

#include "convoy/data/partition_options.hpp"
#include "convoy/data/preprocess_options.hpp"
#include "convoy/optim/options.hpp"
#include "convoy/strategies/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// When state is saved, and which of it stays.
struct CheckpointOptions {
  std::int64_t every = 0;       ///< steps between checkpoints; 0: at the end of each epoch
  std::int64_t keep = 3;        ///< the newest this many are kept, and the best
  std::int64_t keep_every = 0;  ///< those of steps that are multiples of it stay too; 0: none
};

/// How weights are learnt.
struct TrainOptions : BatchOptions {
  double epochs = 1;       ///< may be a fraction
  std::int64_t steps = 0;  ///< 0: from epochs
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  ClipOptions clip;
  std::string on_nonfinite = "stop";  ///< stop | skip
  CheckpointOptions checkpoint;
  std::int64_t verify_every =
      0;  ///< steps between comparisons of the workers' weights; 0: at the end
};

/// When and how the model is measured.
struct EvaluateOptions {
  double every =
      1;  ///< epochs between evaluations on the validation split (or the test split if none)
  std::int64_t batch = 256;   ///< samples a forward pass
  std::string best = "auto";  ///< metric that decides which checkpoint is the best: auto, loss,
                              ///< accuracy, f1, roc_auc, rmse, mae, r2
};

/// What a Trainer is to do with its model and data. All but the last three may decide the bits of
/// the weights.
struct TrainerOptions {
  std::uint64_t seed = 1;  ///< of everything random: order, initial weights, dropout
  TrainOptions train;
  PartitionOptions partition;        ///< which lane gets which samples
  std::vector<AugmentStep> augment;  ///< random changes of each training image
  StrategyOptions strategy;
  EvaluateOptions evaluate;
  std::string name = "run";              ///< of the run, in what is told of it
  std::int64_t told_every = 10;          ///< steps between `step` events
  std::int64_t sample_predictions = 24;  ///< kept in samples.json, for the report
};

namespace schema {

class Visitor;

void describe(Visitor& v, CheckpointOptions& o);
void describe(Visitor& v, TrainOptions& o);
void describe(Visitor& v, EvaluateOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
