#pragma once
// The files of `convoy bench comm --out DIR`, and what it prints.
#include <filesystem>

#include "bench/comm_result.hpp"

namespace convoy::bench {

struct CommReport {
  std::string command;  ///< what was called
  std::string machine;  ///< what it ran on
  std::string date;     ///< UTC
  std::vector<CommResult> results;
};

/// Now, on this machine.
CommReport make_report(std::string command, std::vector<CommResult> results);

std::string terminal_text(const CommResult& result);
std::string markdown_text(const CommReport& report);
/// A page with a plot for each number of workers, self-contained.
std::string html_text(const CommReport& report);
nlohmann::ordered_json to_json(const CommReport& report);

/// comm.json, comm.md and comm.html. Throws IoError.
void write_report(const CommReport& report, const std::filesystem::path& folder);

}  // namespace convoy::bench
