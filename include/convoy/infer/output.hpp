#pragma once
// Predictions as files, for spreadsheets (CSV) and programs (NPY).
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Writes the predictions of samples `samples` to `file`, atomically and in the order given.
///   predictions  float32 [n, ...] as to_predictions() gives them: class probabilities, or the
///   predicted values target       as Batch::target, or undefined when it is not known format "csv"
///   (a header line, lines end in LF, fields are quoted as in RFC 4180):
///     classification, binary: sample,[target,]predicted,p_CLASS...   predicted: the class of the
///     largest probability,
///                             the first of equals; empty where a probability is NaN
///     regression: sample,[target,]predicted; with several outputs target_0,... and predicted_0,...
///     numbers have the fewest digits that read back as the same float
///   format "parquet": the same columns, with types
///   format "npy": the predictions alone, a float32 array of their shape
/// Throws InputError when sizes or class numbers do not fit together or the format is unknown,
/// IoError when the file cannot be written.
void write_predictions(const std::filesystem::path& file, const std::string& format,
                       const DataSpec& spec, std::span<const std::int64_t> samples,
                       const torch::Tensor& predictions, const torch::Tensor& target);

}  // namespace convoy

#pragma GCC visibility pop
