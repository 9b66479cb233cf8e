// The numbers of columns as categories.
#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "convoy/data/preprocess/columns.hpp"

namespace convoy::steps {
namespace {

/// Categories from the shortest texts that give the numbers back.
Column as_text(const Column& column) {
  if (column.categorical) return column;
  Column out;
  out.name = column.name;
  out.categorical = true;
  std::unordered_map<double, std::int32_t> codes;
  for (const double x : column.numbers) {
    if (std::isnan(x)) {
      out.codes.push_back(-1);
      continue;
    }
    const double number = x == 0 ? 0 : x;  // not -0
    const auto [known, added] =
        codes.emplace(number, static_cast<std::int32_t>(out.categories.size()));
    if (added) out.categories.push_back(fmt::format("{}", number));
    out.codes.push_back(known->second);
  }
  return out;
}

class ToText final : public FittedStep {
 public:
  explicit ToText(std::vector<std::string> columns) : FittedStep("to_text", std::move(columns)) {}

  void save(nlohmann::ordered_json&) const override {}
  void apply(Frame& frame) const override {
    for (const std::string& name : columns()) {
      Column& column = require_column(frame, kind(), name);
      column = as_text(column);
    }
  }
};

std::unique_ptr<FittedStep> fit_to_text(const schema::AnyOptions& options, TrainingRows& rows,
                                        Peers*) {
  const auto chosen = options.as<ColumnOptions>();
  if (chosen.columns.empty())
    fail_step("to_text", "columns: name the columns of numbers that are to become text");
  // They may be text already: it depends on what the file holds.
  return std::make_unique<ToText>(
      columns_of("to_text", chosen.columns, rows.head(), Holds::either));
}

std::unique_ptr<FittedStep> load_to_text(const nlohmann::ordered_json& record) {
  return std::make_unique<ToText>(recorded_columns(record));
}

std::optional<schema::Problem> to_text_problem(const schema::AnyOptions& options) {
  if (!options.as<ColumnOptions>().columns.empty()) return std::nullopt;
  return schema::Problem{"columns",
                         "is missing; name the columns of numbers that are to become categories"};
}

const schema::Registered to_text_step(
    preprocess_steps(),
    StepKind{{.name = "to_text",
              .doc = "makes categories of the numbers of columns, which must be named",
              .bare = "columns",
              .options = ColumnOptions{},
              .problem = to_text_problem},
             fit_to_text,
             load_to_text});

}  // namespace
}  // namespace convoy::steps
