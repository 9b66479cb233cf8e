#include "data/preprocess/categories.hpp"

#include <algorithm>
#include <limits>

#include "convoy/data/preprocess/column_counts.hpp"
#include "data/preprocess/record.hpp"

namespace convoy::steps {

Categories learn_categories(const std::vector<std::string>& columns, TrainingRows& rows,
                            Peers* peers) {
  Categories learnt;
  for (const ColumnCounts& counts : count_values(columns, rows, peers)) {
    std::vector<std::string>& names = learnt.names.emplace_back();
    std::vector<double>& parts = learnt.parts.emplace_back();
    for (const auto& [text, times] : counts.texts) {
      names.push_back(text);
      parts.push_back(static_cast<double>(times) / static_cast<double>(rows.size()));
    }
  }
  return learnt;
}

bool load_categories(const nlohmann::ordered_json& record, std::size_t columns,
                     std::vector<std::vector<std::string>>& categories) {
  categories = recorded<std::vector<std::vector<std::string>>>(record, "categories");
  return categories.size() == columns && ascend(categories, true);
}

void require_texts(const FittedStep& step, Frame& frame) {
  for (const std::string& name : step.columns())
    require_text(step.kind(), require_column(frame, step.kind(), name), frame);
}

Column numbers_for(const Column& column, const std::vector<double>& numbers) {
  Column out;
  out.name = column.name;
  out.numbers.reserve(column.codes.size());
  for (const std::int32_t code : column.codes) {
    out.numbers.push_back(code < 0 ? std::numeric_limits<double>::quiet_NaN()
                                   : numbers[static_cast<std::size_t>(code)]);
  }
  return out;
}

std::vector<std::int64_t> positions_of(const Column& column,
                                       const std::vector<std::string>& categories) {
  std::vector<std::int64_t> positions;
  for (const std::string& category : column.categories) {
    const auto known = std::lower_bound(categories.begin(), categories.end(), category);
    positions.push_back(
        known == categories.end() || *known != category ? -1 : known - categories.begin());
  }
  return positions;
}

}  // namespace convoy::steps
