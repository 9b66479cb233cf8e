#pragma once
// The job: everything a run is, as plain data. The YAML file, the command line and C++ callers all
// end here. Defaults are the member initialisers; names are the YAML keys. No libtorch in this
// header.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "convoy/data/load_options.hpp"
#include "convoy/loss/options.hpp"
#include "convoy/model/options.hpp"
#include "convoy/report/options.hpp"
#include "convoy/strategies/options.hpp"
#include "convoy/train/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct Job {
  std::string name = "job";
  std::uint64_t seed = 1;
  DataOptions data;
  std::vector<PreprocessStep> preprocess;
  std::vector<AugmentStep> augment;
  PartitionOptions partition;
  ModelOptions model;
  LossOptions loss;
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

/// The job's data, for load_splits and its like.
LoadOptions load_options(const Job& job);

/// What a Trainer is to do for the job.
TrainerOptions trainer_options(const Job& job);

/// The reference of every key as Markdown (docs/job.md is made from it).
std::string job_reference();

namespace schema {

class Visitor;

void describe(Visitor& v, Job& job);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
