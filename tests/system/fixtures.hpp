#pragma once
// A folder with a small image data set, a table and jobs over them.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/temporary_folder.hpp"

namespace convoy::testing {

/// Makes: images/labels IDX files for training (400 samples) and test (100), table.csv (60 rows),
/// and job files mlp.yaml, cnn.yaml (batch norm and dropout), table.yaml. Removed with the object.
class Workplace {
 public:
  Workplace();
  const std::filesystem::path& path() const { return folder_.path(); }
  void write(const std::string& file, const std::string& content) const;
  std::string read(const std::string& file) const;
  nlohmann::json summary(const std::string& run) const;

 private:
  TemporaryFolder folder_;
};

}  // namespace convoy::testing
