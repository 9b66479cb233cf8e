#pragma once
// The job: everything a run is, as plain data. The YAML file, the command line and C++ callers all
// end here. Defaults are the member initialisers; names are the YAML keys. No libtorch in this
// header.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "convoy/data/options.hpp"
#include "convoy/data/partition_options.hpp"
#include "convoy/data/preprocess_options.hpp"
#include "convoy/model/options.hpp"
#include "convoy/optim/options.hpp"
#include "convoy/strategies/options.hpp"

namespace convoy {

struct CheckpointOptions {
  std::int64_t every = 0;       ///< steps between checkpoints; 0: at the end of each epoch
  std::int64_t keep = 3;        ///< the newest this many are kept, and the best
  std::int64_t keep_every = 0;  ///< those of steps that are multiples of it stay too; 0: none
};

struct TrainOptions {
  double epochs = 1;        ///< may be a fraction
  std::int64_t steps = 0;   ///< 0: from epochs
  std::int64_t batch = 64;  ///< the global batch; 0 (YAML: `full`): the whole training split
  std::int64_t lanes = 0;   ///< 0: 8, or the batch size if that is smaller
  std::string last_batch = "keep";  ///< keep | drop: the short batch at the end of an epoch
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  ClipOptions clip;
  std::string on_nonfinite = "stop";  ///< stop | skip
  CheckpointOptions checkpoint;
  std::int64_t verify_every =
      0;  ///< steps between comparisons of the workers' weights; 0: at the end
};

struct EvaluateOptions {
  double every =
      1;  ///< epochs between evaluations on the validation split (or the test split if none)
  std::int64_t batch = 256;   ///< samples a forward pass
  std::string best = "auto";  ///< metric that decides which checkpoint is the best: auto, loss,
                              ///< accuracy, f1, roc_auc, rmse, mae, r2
};

struct ReportOptions {
  std::int64_t every = 10;  ///< steps between `step` lines in metrics.jsonl
  bool html = true;
  std::int64_t samples = 24;  ///< sample predictions shown in the report
};

struct Job {
  std::string name = "job";
  std::uint64_t seed = 1;
  DataOptions data;
  std::vector<PreprocessStep> preprocess;
  std::vector<AugmentStep> augment;
  PartitionOptions partition;
  ModelOptions model;
  std::string loss = "auto";  ///< auto, cross_entropy, log_loss, squared_error
  TrainOptions train;
  StrategyOptions strategy;
  EvaluateOptions evaluate;
  ReportOptions report;
  std::filesystem::path
      directory;  ///< of the job file: relative data paths start here (not a YAML key)
};

/// Reads and checks a job file, then applies `overrides` ("train.batch=128", in order). Strict: an
/// unknown key, a wrong type, a value out of range or an impossible combination throws InputError
/// with one line "FILE:LINE: KEY: what is wrong; what to write instead".
Job load_job(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

/// The same from text; `name` stands for the file in messages.
Job parse_job(const std::string& yaml, const std::string& name,
              const std::vector<std::string>& overrides = {});

/// The job as YAML with every key present; parse_job of it gives the same job.
std::string print_job(const Job& job);

/// The reference of every key as Markdown (docs/job.md is made from it).
std::string job_reference();

namespace schema {

class Visitor;

void describe(Visitor& v, Job& job);

}  // namespace schema

}  // namespace convoy
