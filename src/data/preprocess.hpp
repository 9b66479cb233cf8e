#pragma once
// Preprocessing steps with their statistics, as arrays and tables share them.
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "convoy/job/job.hpp"
#include "data/statistics.hpp"

namespace convoy {

/// A step after fitting. Which members count depends on `kind`, as with PreprocessStep.
///   scale, standardise, min_max   y = (x - subtract) / divide + add
///   clip                          y = min(max(x, low), high)
///   impute                        `numbers` or `texts`, whichever the column is
///   one_hot                       `categories`
///   drop_missing                  no statistics; no columns means any column
/// Tables: one entry per column in `columns`. Arrays: `columns` is empty, and there is one entry
/// for all elements, one per channel, or one per element of a sample.
struct FittedStep {
  std::string kind;
  std::vector<std::string> columns;
  std::vector<double> subtract;
  std::vector<double> divide;
  std::vector<double> add;
  double low = 0;
  double high = 0;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  std::vector<std::vector<std::string>> categories;
};

nlohmann::ordered_json to_json(const FittedStep& step);
/// Throws InputError or nlohmann's exceptions when the record is damaged.
FittedStep fitted_step(const nlohmann::ordered_json& json);

/// Whether the step changes each number by itself: scale, standardise, min_max, clip.
bool is_elementwise(const PreprocessStep& step);

/// Whether fitting the step needs statistics: standardise, min_max.
bool needs_statistics(const PreprocessStep& step);

/// Whether these include the deviation, which takes a second pass: standardise.
bool needs_squares(const PreprocessStep& step);

/// An elementwise step from the statistics of each of its groups (one default Statistics a group
/// when the step needs none). Throws InputError when the step's options are impossible.
FittedStep fit_elementwise(const PreprocessStep& step, std::span<const Statistics> groups);

}  // namespace convoy
