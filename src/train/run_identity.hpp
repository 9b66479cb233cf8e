#pragma once
// How far a run has come, and whether a checkpoint belongs to this job.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/loss/loss.hpp"
#include "convoy/train/options.hpp"

namespace convoy {

/// The numbers of a run that change from step to step, beside the weights.
struct Progress {
  std::int64_t step = 0;     ///< steps completed, skipped ones included
  std::int64_t updates = 0;  ///< steps that changed the weights
  std::int64_t skipped = 0;
  double seconds = 0;  ///< spent in training so far, earlier processes included
};

/// Everything that decides the bits of the weights, as flat keys of a job; equal identities
/// continue each other. `values`: what samples are partitioned by, if they are.
nlohmann::ordered_json run_identity(const TrainerOptions& wanted, std::int64_t batch,
                                    std::int64_t lanes, std::int64_t samples, const Loss& loss,
                                    const nlohmann::ordered_json& model_meta,
                                    const Column& values = {});

/// How far the run of a checkpoint had come. Throws InputError, naming `file`.
Progress progress_of(const CheckpointState& state, const std::string& file);

/// Throws InputError naming the first key that differs between a checkpoint's identity and this
/// job's.
void require_same_identity(const nlohmann::ordered_json& stored, const nlohmann::ordered_json& ours,
                           const std::string& file);

}  // namespace convoy
