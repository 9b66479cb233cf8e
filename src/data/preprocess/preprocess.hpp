#pragma once
// Preprocessing steps as they are after fitting, and what each kind of step needs to be fitted.
// What they do with numbers is in data/preprocess/elementwise, with tables in
// data/preprocess/steps.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "convoy/data/preprocess_options.hpp"
#include "convoy/data/text/tokenizer.hpp"

namespace convoy {

/// A step after fitting. Which members count depends on `kind`, as with PreprocessStep.
///   scale, standardise, min_max, robust   y = (x - subtract) / divide + add
///   clip                     y = min(max(x, low), high)
///   log                      y = log(1 + x); nothing is fitted
///   box_cox, yeo_johnson     y = (power of x with `lambdas` - subtract) / divide + add
///   quantile                 `quantiles`: the values at evenly spaced ranks; `output`
///   outliers                 `lower`, `upper`, `action`
///   impute                   `numbers` or `texts`, whichever the column is
///   one_hot, ordinal         `categories`, ascending
///   frequency                `categories` and of each its part of the rows
///   hashing                  `width`
///   to_number                `invalid`
///   tokens                   `width` of a sample at most; `output`: the tokenizer; word:
///                            `categories`; bpe: `tokenizer`
///   pca                      y = `components` (rows of loadings) * (x - subtract) / divide
///   drop_missing, drop_duplicates   nothing is fitted; no columns means any column
///   to_text, clean_text      nothing is fitted
/// Tables: one entry per column in `columns`. Arrays: `columns` is empty, and there is one entry
/// for all elements, one per channel, or one per element of a sample. pca has an entry in
/// `subtract` for each number that it takes, in the others for each that it makes.
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
  std::vector<std::vector<double>> parts;
  std::vector<double> lambdas;
  std::vector<std::vector<double>> quantiles;
  std::string output;
  std::vector<double> lower;
  std::vector<double> upper;
  std::string action;
  std::int64_t width = 0;
  bool invalid = false;
  std::vector<std::vector<double>> components;
  std::shared_ptr<const Tokenizer> tokenizer;
};

/// A token of a sample is a column of the matrix.
constexpr std::int64_t most_tokens = 65'536;

/// A hashing column is a column of the matrix: more than this is a mistake.
constexpr std::int64_t most_hashed_columns = 10'000;

nlohmann::ordered_json to_json(const FittedStep& step);
/// Throws InputError or nlohmann's exceptions when the record is damaged: a step that this returns
/// can be applied.
FittedStep fitted_step(const nlohmann::ordered_json& json);

/// Whether the step changes each number by itself, so that arrays can have it too: scale,
/// standardise, min_max, clip, robust, log, box_cox, yeo_johnson, quantile.
bool is_elementwise(const std::string& kind);

/// Whether fitting the step needs statistics: standardise, min_max.
bool needs_statistics(const std::string& kind);

/// Whether these include the deviation, which takes a second pass: standardise.
bool needs_squares(const std::string& kind);

/// Whether fitting the step needs every value counted: robust, box_cox, yeo_johnson, quantile.
bool needs_counts(const std::string& kind);

}  // namespace convoy
