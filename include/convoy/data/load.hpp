#pragma once
// From the job's `data` and `preprocess` keys to datasets ready to train on.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "convoy/data/dataset.hpp"
#include "convoy/job/job.hpp"

namespace convoy {

/// The splits of a job. `validation` and `test` are null where the job has none.
struct Splits {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> validation;
  std::shared_ptr<const Dataset> test;
  /// Everything `load_for_prediction` needs to treat new data as the training data was treated: the
  /// fitted steps with their statistics, category and class names, column roles. Stored inside the
  /// model.
  nlohmann::ordered_json fitted;
};

/// Fetches (if the job says so), reads, checks, splits and preprocesses. Which sample is in which
/// split depends on the seed and the number of samples alone; statistics come from the training
/// split alone. Relative paths start at `directory`, or inside the fetched package. Throws
/// InputError / DataError with one clear line.
Splits load_splits(const DataOptions& data, const std::vector<PreprocessStep>& preprocess,
                   std::uint64_t seed, const std::filesystem::path& directory);

/// New data through the fitted steps. `files` may lack a target; Batch::target is then undefined. A
/// category that training did not know becomes all zeros under one_hot; a class name it did not
/// know throws DataError.
std::shared_ptr<const Dataset> load_for_prediction(const DataOptions& data, const DataFiles& files,
                                                   const nlohmann::ordered_json& fitted,
                                                   const std::filesystem::path& directory);

/// Makes "npm:PACKAGE@VERSION" or "deb:PACKAGE" available and returns its folder (under
/// $CONVOY_CACHE, else $XDG_CACHE_HOME/convoy, else ~/.cache/convoy). Nothing is run and nothing
/// contacted when it is already there.
std::filesystem::path fetch_package(const std::string& source);

}  // namespace convoy
