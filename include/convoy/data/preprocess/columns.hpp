#pragma once
// What steps on tables share: which columns a step is for, and rows that leave.
#include <functional>

#include "convoy/core/peers.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "convoy/data/preprocess/statistics.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/data/preprocess/training_rows.hpp"

#pragma GCC visibility push(default)

namespace convoy::steps {

/// What a column that a step is for may hold.
enum class Holds { numbers, text, either };

/// The columns a step is for: those that its options name, else all that hold what it takes. Throws
/// InputError for one that is not there, named twice or of the wrong type. `of_text`: what to do
/// about a named column of text where the step takes numbers; empty: to make numbers of it before.
std::vector<std::string> columns_of(const std::string& kind, const std::vector<std::string>& named,
                                    Frame& frame, Holds holds, const std::string& of_text = "");

std::vector<const Column*> find_columns(const Frame& frame, const std::vector<std::string>& names);

/// "FILE, sample 7" for messages.
std::string place_of(const Frame& frame, std::size_t row);

[[noreturn]] void fail_without_value(const std::string& kind, const std::string& column);

/// The column's text, not numbers. Throws DataError.
void require_text(const std::string& kind, const Column& column, const Frame& frame);
void require_numbers(const std::string& kind, const Column& column, const Frame& frame);

/// Throws DataError when the column misses a value, with what to do before `kind`.
void require_no_missing(const std::string& kind, const Column& column, const Frame& frame);
/// The same of all rows. Every worker reads them, so that all say the same.
void require_no_missing(const std::string& kind, const std::vector<std::string>& names,
                        TrainingRows& rows);

/// Gives `see` the numbers of these columns at some positions: those of each column front to back,
/// with `column_by_column` those of the first column first.
void read_numbers(const std::vector<std::string>& names, TrainingRows& rows, Range positions,
                  bool column_by_column,
                  const std::function<void(std::size_t column, std::span<const double>)>& see);

/// The statistics of each column, or of all together as one group. Collective.
std::vector<Statistics> column_statistics(const std::vector<std::string>& names, TrainingRows& rows,
                                          bool together, bool squares, Peers* peers);

/// Replaces the columns that the step names: by what `replace` makes of each, given its position in
/// the step. The others stay where they are. Throws InputError when two columns have the same name
/// afterwards.
void replace_columns(
    const FittedStep& step, Frame& frame,
    const std::function<std::vector<Column>(std::size_t entry, Column column)>& replace);

/// Of a step that looks at whole rows: throws InputError for a named column that is not there.
/// Targets are.
void require_there(const std::string& kind, const std::vector<std::string>& named, Frame& frame);

/// The columns that such a step names; all, targets included, where it names none.
std::vector<const Column*> named_columns(const std::vector<std::string>& names, const Frame& frame);

/// Only these rows, ascending, stay.
void keep_rows(Frame& frame, const std::vector<std::int64_t>& kept);

}  // namespace convoy::steps

#pragma GCC visibility pop
