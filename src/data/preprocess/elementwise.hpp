#pragma once
// Steps that change each number by itself, as arrays and tables share them. Numbers come in groups
// that are treated alike: the columns of a table, or the elements or channels of a sample.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/preprocess/column_counts.hpp"
#include "data/preprocess/preprocess.hpp"
#include "data/preprocess/statistics.hpp"

namespace convoy {

/// A step that needs no counts from the statistics of each of its groups (one default Statistics a
/// group when the step needs none). Throws InputError when the step's options are impossible.
FittedStep fit_elementwise(const PreprocessStep& step, std::span<const Statistics> groups);

/// A step that needs counts, from those of each of its groups, none of which may be empty. `rows`:
/// of the training split. Throws InputError as above.
FittedStep fit_counted(const PreprocessStep& step, std::int64_t rows,
                       std::span<const std::vector<NumberCount>> groups);

/// How many entries the step has, one for each group; 1 where all numbers are treated alike.
std::size_t group_count(const FittedStep& step);

/// Applies the step in place to groups of equal size that follow one another, `first` being the
/// number of the first of them. NaN stays NaN.
void apply_elementwise(const FittedStep& step, std::size_t first, std::size_t groups,
                       std::span<double> numbers);

/// Where the first number is that a step of this kind cannot take, as log and box_cox do not take
/// all; `numbers` is as it was before the step.
std::optional<std::size_t> find_outside(const std::string& kind, std::span<const double> numbers);

/// What to say of it: "-3; log needs numbers above -1".
std::string outside_text(const std::string& kind, double number);

}  // namespace convoy
