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

#include "convoy/comm/compression_options.hpp"
#include "convoy/data/options.hpp"
#include "convoy/data/partition_options.hpp"
#include "convoy/data/preprocess_options.hpp"
#include "convoy/model/options.hpp"
#include "convoy/optim/options.hpp"

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

/// The optimizer that applies the mean of the workers' changes (local_sgd).
struct OuterOptions {
  double rate = 1;  ///< 1 and no momentum: plain averaging
  double momentum = 0;
  bool nesterov = false;
};

struct StrategyOptions {
  std::string kind =
      "synchronous";  ///< synchronous, parameter_server, local_sgd, elastic_averaging, gossip
  std::string transport = "auto";  ///< between workers: auto, shm, tcp, mpi
  std::string bucket = "auto";     ///< gradients that leave together: auto, off, or MiB
  double timeout = 300;            ///< seconds that a worker may keep the others waiting
  bool balance = true;             ///< lanes move to the faster replicas and workers
  CompressionOptions compression;
  // parameter_server
  std::string consistency = "bsp";      ///< bsp, ssp, async
  std::int64_t staleness = 4;           ///< ssp: steps that a worker may be ahead of the slowest
  std::int64_t servers = 1;             ///< that share the weights
  std::int64_t backups = 0;             ///< 1: each range of the weights is on a second server too
  std::string compensation = "none";    ///< of delays: none, dc_asgd, staleness
  double compensation_strength = 0.04;  ///< dc_asgd: lambda
  bool prefetch = false;                ///< async: the next task's weights come during a task
  // local_sgd, elastic_averaging, gossip
  std::int64_t average_every = 16;  ///< steps of each worker between two exchanges
  OuterOptions outer;               ///< local_sgd
  double elasticity = 0.5;          ///< elastic_averaging: how far worker and centre move together
  std::string neighbours = "ring";  ///< gossip: ring, random
};

/// strategy.bucket in bytes; 0: gradients leave when backward has ended, -1: to be tuned. Throws
/// InputError.
std::int64_t bucket_bytes(const StrategyOptions& strategy);

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
