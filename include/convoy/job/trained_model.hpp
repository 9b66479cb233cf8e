#pragma once
// A model that was trained by a job.
#include <filesystem>
#include <string>
#include <vector>

#include "convoy/infer/trained_model.hpp"

namespace convoy {

/// The model that `find_model` finds, with what its job says. `overrides` change job keys (where
/// the data is now, ...). Throws InputError with one clear line, also when the model was not
/// trained from a job file.
TrainedModel open_trained_model(const std::filesystem::path& place, const std::string& which,
                                const std::vector<std::string>& overrides);

}  // namespace convoy
