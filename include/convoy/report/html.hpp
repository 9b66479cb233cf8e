#pragma once
// report.html: what a run did, in one self-contained file.
#include <filesystem>

namespace convoy {

/// Reads metrics.jsonl, summary.json, samples.json (optional) and job.yaml (optional) of a run's
/// folder and writes report.html there, atomically. Works on a run that is unfinished. Throws
/// InputError if there is no run.
void write_html_report(const std::filesystem::path& run);

}  // namespace convoy
