#pragma once
// What `inspect_splits` and `inspect_file` found (convoy/data/inspect/inspect.hpp), for people.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// A record as text. `utf8`: histograms of block characters, else of plain ones.
std::string format_data_report(const nlohmann::ordered_json& record, bool utf8);

/// A list of records as one self-contained page. Throws IoError.
void write_data_page(const std::filesystem::path& file, const nlohmann::ordered_json& records);

}  // namespace convoy

#pragma GCC visibility pop
