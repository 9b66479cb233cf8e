#pragma once
// report.html: what a run did, in one self-contained file.
#include <filesystem>

#include "convoy/train/observer.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Reads metrics.jsonl, summary.json, samples.json (optional) and job.yaml (optional) of a run's
/// folder and writes report.html there, atomically. Works on a run that is unfinished. Throws
/// InputError if there is no run.
void write_html_report(const std::filesystem::path& run);

/// Writes the report of a run when it has ended.
class HtmlReport final : public Observer {
 public:
  void on_event(const nlohmann::ordered_json& /*event*/) override {}
  void on_end(const std::filesystem::path& run) override { write_html_report(run); }
};

}  // namespace convoy

#pragma GCC visibility pop
