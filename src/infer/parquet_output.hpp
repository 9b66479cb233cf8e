#pragma once
// Predictions as a Parquet file.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace convoy {

/// Predictions, a sample after the other.
struct PredictionRows {
  std::span<const std::int64_t> samples;
  std::size_t width = 0;                  ///< values a sample
  std::span<const float> values;          ///< probabilities, or what is predicted
  std::span<const std::int64_t> classes;  ///< the target's; empty: not known, or no classes
  std::span<const float> targets;         ///< `width` a sample; empty: not known, or classes
  std::vector<std::string> names;         ///< of the classes; empty: there are none
};

/// The columns that the CSV file of write_predictions has: `sample` of 64 bits, class names as text
/// (null where a probability is NaN), everything else as floats of 32 bits. Throws InputError where
/// Convoy was built without Arrow.
std::string parquet_predictions(const PredictionRows& rows);

}  // namespace convoy
