#pragma once
// What steps that make numbers of categories share.
#include <cstdint>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "convoy/data/preprocess/step.hpp"

namespace convoy::steps {

/// The categories of some columns, ascending, and of each its part of the training rows.
struct Categories {
  std::vector<std::vector<std::string>> names;
  std::vector<std::vector<double>> parts;
};

/// Collective.
Categories learn_categories(const std::vector<std::string>& columns, TrainingRows& rows,
                            Peers* peers);

/// The member `categories` of a record. Throws nlohmann's exceptions; false when it is damaged.
bool load_categories(const nlohmann::ordered_json& record, std::size_t columns,
                     std::vector<std::vector<std::string>>& categories);

/// Throws DataError where one of the columns holds no text.
void require_texts(const FittedStep& step, Frame& frame);

/// A column of numbers in place of one of categories: a number for each category that this column
/// has, missing where it is missing.
Column numbers_for(const Column& column, const std::vector<double>& numbers);

/// Which of the fitted categories (ascending) each of the column's is; -1 for none.
std::vector<std::int64_t> positions_of(const Column& column,
                                       const std::vector<std::string>& categories);

}  // namespace convoy::steps
