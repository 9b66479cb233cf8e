#pragma once
// The files of `convoy bench comm --out DIR`, and what it prints.
#include <filesystem>

#include "bench/measure/comm_result.hpp"

namespace convoy::bench {

struct CommReport {
  std::vector<CommResult> results;
  std::vector<std::string> notes;  ///< what was left out
};

/// The results get the command, this machine, its versions and this moment.
void sign(std::vector<CommResult>& results, const std::string& command);

/// Adds what comm.json in `folder` has and `report` has not: other links, other numbers of workers.
/// Nothing if there is no such file. Throws InputError when it cannot be read.
void add_earlier(CommReport& report, const std::filesystem::path& folder);

std::string terminal_text(const CommResult& result);
std::string markdown_text(const CommReport& report);
/// A page with a plot for each result, self-contained.
std::string html_text(const CommReport& report);
nlohmann::ordered_json to_json(const CommReport& report);

/// comm.json, comm.md and comm.html. Throws IoError.
void write_report(const CommReport& report, const std::filesystem::path& folder);

}  // namespace convoy::bench
