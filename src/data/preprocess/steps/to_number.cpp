// The text of columns as numbers.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "convoy/core/error.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {

void describe(schema::Visitor& v, ToNumberOptions& o) {
  v.key("invalid", o.invalid, schema::any(),
        "text that is no number becomes a missing value; without it the job stops");
  describe_columns(v, o.columns);
}

}  // namespace convoy

namespace convoy::steps {
namespace {

[[noreturn]] void fail_no_number(const Column& column, std::int32_t code, const Frame& frame) {
  const auto row = std::find(column.codes.begin(), column.codes.end(), code);
  throw DataError(
      place_of(frame, static_cast<std::size_t>(row - column.codes.begin())),
      fmt::format(
          "column {} is {}, which is not a number; list it in data.csv.missing if it stands "
          "for a missing value, or let all such text be missing with to_number: {{columns: "
          "[{}], invalid: true}}",
          in_quotes(column.name), in_quotes(column.categories[static_cast<std::size_t>(code)]),
          column.name));
}

/// Spellings of missing values were recognised when the file was read.
Column as_numbers(const Column& column, bool invalid, const Frame& frame) {
  if (!column.categorical) return column;
  std::vector<bool> used(column.categories.size());
  for (const std::int32_t code : column.codes) {
    if (code >= 0) used[static_cast<std::size_t>(code)] = true;
  }
  std::vector<double> numbers(column.categories.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const ParsedField field = parse_number(column.categories[i]);
    if (field.kind == FieldKind::number)
      numbers[i] = field.value;
    else if (!invalid && used[i])
      fail_no_number(column, static_cast<std::int32_t>(i), frame);
  }
  Column out;
  out.name = column.name;
  for (const std::int32_t code : column.codes)
    out.numbers.push_back(code < 0 ? std::numeric_limits<double>::quiet_NaN()
                                   : numbers[static_cast<std::size_t>(code)]);
  return out;
}

class ToNumber final : public FittedStep {
 public:
  ToNumber(std::vector<std::string> columns, bool invalid)
      : FittedStep("to_number", std::move(columns)), invalid_(invalid) {}

  void save(nlohmann::ordered_json& record) const override { record["invalid"] = invalid_; }
  void apply(Frame& frame) const override {
    for (const std::string& name : columns()) {
      Column& column = require_column(frame, kind(), name);
      column = as_numbers(column, invalid_, frame);
    }
  }

 private:
  bool invalid_;  // such text becomes missing
};

std::unique_ptr<FittedStep> fit_to_number(const schema::AnyOptions& options, TrainingRows& rows,
                                          Peers*) {
  const auto chosen = options.as<ToNumberOptions>();
  // A column that is named may be numbers already: it depends on what the file holds.
  const Holds holds = chosen.columns.empty() ? Holds::text : Holds::either;
  return std::make_unique<ToNumber>(columns_of("to_number", chosen.columns, rows.head(), holds),
                                    chosen.invalid);
}

std::unique_ptr<FittedStep> load_to_number(const nlohmann::ordered_json& record) {
  return std::make_unique<ToNumber>(recorded_columns(record), record.value("invalid", false));
}

const schema::Registered to_number_step(preprocess_steps(),
                                        StepKind{{.name = "to_number",
                                                  .doc = "reads the text of a column as numbers",
                                                  .bare = "columns",
                                                  .options = ToNumberOptions{}},
                                                 fit_to_number,
                                                 load_to_number});

}  // namespace
}  // namespace convoy::steps
