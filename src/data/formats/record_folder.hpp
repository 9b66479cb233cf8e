#pragma once
// How a folder of prepared data is told from others; what is in it: data/records.
#include <filesystem>

namespace convoy {

inline constexpr const char* record_index_name = "records.json";

/// Whether `folder` holds prepared data, by the name of its index.
inline bool is_record_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::is_directory(folder, ignored) &&
         std::filesystem::exists(folder / record_index_name, ignored);
}

}  // namespace convoy
