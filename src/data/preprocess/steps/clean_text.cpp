// Text in one way of writing it (data/preprocess/steps/clean).
#include <unordered_map>

#include "convoy/data/preprocess/columns.hpp"
#include "data/preprocess/steps/clean.hpp"

namespace convoy::steps {
namespace {

/// Several categories may become one, and one without a letter left is missing.
Column cleaned(const Column& column) {
  Column out;
  out.name = column.name;
  out.categorical = true;
  std::unordered_map<std::string, std::int32_t> known;
  std::vector<std::int32_t> codes;
  for (const std::string& category : column.categories) {
    std::string text = clean_text(category);
    if (text.empty()) {
      codes.push_back(-1);
      continue;
    }
    const auto [entry, added] =
        known.emplace(std::move(text), static_cast<std::int32_t>(out.categories.size()));
    if (added) out.categories.push_back(entry->first);
    codes.push_back(entry->second);
  }
  for (const std::int32_t code : column.codes)
    out.codes.push_back(code < 0 ? -1 : codes[static_cast<std::size_t>(code)]);
  return out;
}

class CleanText final : public FittedStep {
 public:
  explicit CleanText(std::vector<std::string> columns)
      : FittedStep("clean_text", std::move(columns)) {}

  void save(nlohmann::ordered_json&) const override {}
  void apply(Frame& frame) const override {
    for (const std::string& name : columns()) {
      Column& column = require_column(frame, kind(), name);
      require_text(kind(), column, frame);
      column = cleaned(column);
    }
  }
};

std::unique_ptr<FittedStep> fit_clean_text(const schema::AnyOptions& options, TrainingRows& rows,
                                           Peers*) {
  return std::make_unique<CleanText>(
      columns_of("clean_text", options.as<ColumnOptions>().columns, rows.head(), Holds::text));
}

std::unique_ptr<FittedStep> load_clean_text(const nlohmann::ordered_json& record) {
  return std::make_unique<CleanText>(recorded_columns(record));
}

const schema::Registered clean_text_step(
    preprocess_steps(),
    StepKind{{.name = "clean_text",
              .doc = "lower case, no blanks at the ends, one space for several blanks within, no "
                     "control characters",
              .bare = "columns",
              .options = ColumnOptions{}},
             fit_clean_text,
             load_clean_text});

}  // namespace
}  // namespace convoy::steps
