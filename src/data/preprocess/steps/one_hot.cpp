// A 0/1 column for each category in place of a column of them.
#include <fmt/format.h>

#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/categories.hpp"

namespace convoy::steps {
namespace {

// A column a category: more than this is an identifier, not a category.
constexpr std::size_t most_categories = 10'000;

class OneHot final : public FittedStep {
 public:
  OneHot(std::vector<std::string> columns, std::vector<std::vector<std::string>> categories)
      : FittedStep("one_hot", std::move(columns)), categories_(std::move(categories)) {}

  void save(nlohmann::ordered_json& record) const override { record["categories"] = categories_; }

  void apply(Frame& frame) const override {
    for (const std::string& name : columns()) {
      const Column& column = require_column(frame, kind(), name);
      require_text(kind(), column, frame);
      require_no_missing(kind(), column, frame);
    }
    replace_columns(*this, frame, [&](std::size_t i, const Column& column) {
      return hot_columns(column, categories_[i]);
    });
  }

 private:
  static std::vector<Column> hot_columns(const Column& column,
                                         const std::vector<std::string>& categories) {
    const std::vector<std::int64_t> positions = positions_of(column, categories);
    std::vector<Column> out(categories.size());
    for (std::size_t i = 0; i < categories.size(); ++i) {
      out[i].name = fmt::format("{}={}", column.name, categories[i]);
      out[i].numbers.resize(column.codes.size());
    }
    for (std::size_t row = 0; row < column.codes.size(); ++row) {
      const std::int64_t position = positions[static_cast<std::size_t>(column.codes[row])];
      if (position >= 0) out[static_cast<std::size_t>(position)].numbers[row] = 1;
    }
    return out;
  }

  std::vector<std::vector<std::string>> categories_;
};

std::unique_ptr<FittedStep> fit_one_hot(const schema::AnyOptions& options, TrainingRows& rows,
                                        Peers* peers) {
  std::vector<std::string> names =
      columns_of("one_hot", options.as<ColumnOptions>().columns, rows.head(), Holds::text);
  Categories learnt = learn_categories(names, rows, peers);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (learnt.names[i].size() <= most_categories) continue;
    fail_step("one_hot",
              fmt::format("column {} has {} categories; leave it out with data.csv.ignore if it "
                          "only identifies rows, or use hashing or frequency",
                          in_quotes(names[i]), learnt.names[i].size()));
  }
  return std::make_unique<OneHot>(std::move(names), std::move(learnt.names));
}

std::unique_ptr<FittedStep> load_one_hot(const nlohmann::ordered_json& record) {
  std::vector<std::string> names = recorded_columns(record);
  std::vector<std::vector<std::string>> categories;
  if (!load_categories(record, names.size(), categories)) return nullptr;
  return std::make_unique<OneHot>(std::move(names), std::move(categories));
}

const schema::Registered one_hot_step(
    preprocess_steps(),
    StepKind{
        {.name = "one_hot",
         .doc = "replaces a categorical column by one 0/1 column per category seen in training",
         .bare = "columns",
         .options = ColumnOptions{}},
        fit_one_hot,
        load_one_hot});

}  // namespace
}  // namespace convoy::steps
