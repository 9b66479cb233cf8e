#pragma once
// Tables: columns through the preprocessing steps into one matrix.
#include <memory>

#include "convoy/data/formats.hpp"
#include "data/preprocess.hpp"

namespace convoy {

/// Some rows of a table on their way to a matrix.
struct Frame {
  std::vector<Column> features;
  std::vector<Column> targets;         ///< may be empty; only drop_missing looks at them
  std::vector<std::int64_t> numbers;   ///< each row's number in the file
  std::string file;                    ///< for messages
};

/// These rows of the columns.
std::vector<Column> take_rows(const std::vector<Column>& columns, std::span<const std::int64_t> rows);

/// Fits each step to the frame as the steps before left it, and applies it to the frame. Throws InputError / DataError.
std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, Frame& frame);

/// Applies fitted steps to another frame.
void apply_steps(const std::vector<FittedStep>& steps, Frame& frame);

std::vector<std::string> feature_names(const Frame& frame);

/// The features as a float32 array [rows, columns]. Throws DataError for text, missing values and numbers beyond
/// float32, naming the column and the step that helps.
Array to_matrix(const Frame& frame);

}  // namespace convoy
