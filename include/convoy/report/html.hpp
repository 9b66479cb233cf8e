#pragma once
// report.html: what a run did, in one self-contained file.
#include <filesystem>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"

namespace convoy {

/// Writes `samples.json` into the run's folder: for each row of `batch` its target, prediction,
/// confidence, and an image (feature shapes [h, w], [1, h, w], [3, h, w]) or named features.
/// `outputs` as compute_metrics takes them.
void write_samples(const std::filesystem::path& run, const DataSpec& spec, const Batch& batch,
                   const torch::Tensor& outputs);

/// Reads metrics.jsonl, summary.json, samples.json (optional) and job.yaml (optional) of a run's
/// folder and writes report.html there, atomically. Works on a run that is unfinished. Throws
/// InputError if there is no run.
void write_html_report(const std::filesystem::path& run);

}  // namespace convoy
