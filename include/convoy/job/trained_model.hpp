#pragma once
// A model that was trained by a job.
#include <filesystem>
#include <string>
#include <vector>

#include "convoy/infer/trained_model.hpp"
#include "convoy/job/job.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The model that `find_model` finds, with what its job says. `overrides` change job keys (where
/// the data is now, ...). Throws InputError with one clear line, also when the model was not
/// trained from a job file.
TrainedModel open_trained_model(const std::filesystem::path& place, const std::string& which,
                                const std::vector<std::string>& overrides);

/// load_job for a run that goes on in the folder `run`. Where the job names what a plugin brought
/// when the run began, and nothing brings now, the message says which plugin.
Job load_job_of_run(const std::filesystem::path& job, const std::vector<std::string>& overrides,
                    const std::filesystem::path& run);

}  // namespace convoy

#pragma GCC visibility pop
