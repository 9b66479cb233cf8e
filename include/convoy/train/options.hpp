#pragma once
// How weights are learnt, saved and measured. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/data/partition_options.hpp"
#include "convoy/optim/options.hpp"

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

namespace schema {

class Visitor;

void describe(Visitor& v, CheckpointOptions& o);
void describe(Visitor& v, TrainOptions& o);
void describe(Visitor& v, EvaluateOptions& o);

}  // namespace schema

}  // namespace convoy
