#pragma once
// Preprocessing steps with their statistics, as arrays and tables share them.
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "convoy/job/job.hpp"

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

/// Statistics of some numbers, in doubles and in the order they came: `first` for each number, then
/// `second` for each again. NaN (missing) is passed over.
class Statistics {
 public:
  void first(double x);
  void second(double x);
  std::int64_t count() const { return count_; }
  double mean() const;
  /// Population standard deviation (ddof 0); 0 when the numbers differ by no more than rounding
  /// explains.
  double deviation() const;
  double min() const { return min_; }
  double max() const { return max_; }

 private:
  std::int64_t count_ = 0;
  double sum_ = 0;
  double squares_ = 0;  // of differences from the mean
  double min_ = 0;
  double max_ = 0;
};

/// Whether the step changes each number by itself: scale, standardise, min_max, clip.
bool is_elementwise(const PreprocessStep& step);

/// Whether fitting the step needs statistics: standardise, min_max.
bool needs_statistics(const PreprocessStep& step);

/// An elementwise step from the statistics of each of its groups (one default Statistics a group
/// when the step needs none). Throws InputError when the step's options are impossible.
FittedStep fit_elementwise(const PreprocessStep& step, std::span<const Statistics> groups);

}  // namespace convoy
