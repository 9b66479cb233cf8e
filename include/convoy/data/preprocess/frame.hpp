#pragma once
// Rows of a table on their way to a matrix.
#include "convoy/data/formats/formats.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct Frame {
  std::vector<Column> features;
  std::vector<Column> targets;        ///< may be empty; only steps that drop rows look at them
  std::vector<std::int64_t> numbers;  ///< each row's number in the file
  std::string file;                   ///< for messages
};

/// These rows of the columns.
std::vector<Column> take_rows(const std::vector<Column>& columns,
                              std::span<const std::int64_t> rows);

bool is_missing(const Column& column, std::size_t row);
std::int64_t count_missing(const Column& column, std::size_t rows);

/// Null when there is no such column.
Column* find_column(std::vector<Column>& columns, const std::string& name);
const Column* find_column(const std::vector<Column>& columns, const std::string& name);

/// A feature column by name. Throws InputError naming the step `kind` when there is none.
Column& require_column(Frame& frame, const std::string& kind, const std::string& name);

/// Throws InputError "preprocess: KIND: PROBLEM".
[[noreturn]] void fail_step(const std::string& kind, const std::string& problem);

std::vector<std::string> feature_names(const Frame& frame);

/// The features as a float32 array [rows, columns]. Throws DataError for text, missing values and
/// numbers beyond float32, naming the column and the step that helps.
Array to_matrix(const Frame& frame);

}  // namespace convoy

#pragma GCC visibility pop
