// A category's number in place of the category.
#include "data/preprocess/categories.hpp"

namespace convoy::steps {
namespace {

class OrdinalStep final : public FittedStep {
 public:
  OrdinalStep(std::vector<std::string> columns, std::vector<std::vector<std::string>> categories)
      : FittedStep("ordinal", std::move(columns)), categories_(std::move(categories)) {}

  void save(nlohmann::ordered_json& record) const override { record["categories"] = categories_; }

  void apply(Frame& frame) const override {
    require_texts(*this, frame);
    replace_columns(*this, frame, [&](std::size_t i, const Column& column) {
      std::vector<double> numbers;
      for (const std::int64_t position : positions_of(column, categories_[i]))
        numbers.push_back(static_cast<double>(position));
      return std::vector<Column>{numbers_for(column, numbers)};
    });
  }

 private:
  std::vector<std::vector<std::string>> categories_;
};

std::unique_ptr<FittedStep> fit_ordinal(const schema::AnyOptions& options, TrainingRows& rows,
                                        Peers* peers) {
  std::vector<std::string> names =
      columns_of("ordinal", options.as<ColumnOptions>().columns, rows.head(), Holds::text);
  Categories learnt = learn_categories(names, rows, peers);
  return std::make_unique<OrdinalStep>(std::move(names), std::move(learnt.names));
}

std::unique_ptr<FittedStep> load_ordinal(const nlohmann::ordered_json& record) {
  std::vector<std::string> names = recorded_columns(record);
  std::vector<std::vector<std::string>> categories;
  if (!load_categories(record, names.size(), categories)) return nullptr;
  return std::make_unique<OrdinalStep>(std::move(names), std::move(categories));
}

const schema::Registered ordinal_step(
    preprocess_steps(),
    StepKind{{.name = "ordinal",
              .doc = "replaces a category by its number, from 0 in sorted order; one not seen in "
                     "training becomes -1",
              .bare = "columns",
              .options = ColumnOptions{}},
             fit_ordinal,
             load_ordinal});

}  // namespace
}  // namespace convoy::steps
