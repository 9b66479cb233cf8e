// A category's part of the training rows in place of the category.
#include "data/preprocess/categories.hpp"
#include "data/preprocess/record.hpp"

namespace convoy::steps {
namespace {

class FrequencyStep final : public FittedStep {
 public:
  FrequencyStep(std::vector<std::string> columns, Categories learnt)
      : FittedStep("frequency", std::move(columns)), learnt_(std::move(learnt)) {}

  void save(nlohmann::ordered_json& record) const override {
    record["categories"] = learnt_.names;
    record["parts"] = learnt_.parts;
  }

  void apply(Frame& frame) const override {
    require_texts(*this, frame);
    replace_columns(*this, frame, [&](std::size_t i, const Column& column) {
      std::vector<double> numbers;
      for (const std::int64_t position : positions_of(column, learnt_.names[i])) {
        numbers.push_back(position < 0 ? 0 : learnt_.parts[i][static_cast<std::size_t>(position)]);
      }
      return std::vector<Column>{numbers_for(column, numbers)};
    });
  }

 private:
  Categories learnt_;
};

std::unique_ptr<FittedStep> fit_frequency(const schema::AnyOptions& options, TrainingRows& rows,
                                          Peers* peers) {
  std::vector<std::string> names =
      columns_of("frequency", options.as<ColumnOptions>().columns, rows.head(), Holds::text);
  Categories learnt = learn_categories(names, rows, peers);
  return std::make_unique<FrequencyStep>(std::move(names), std::move(learnt));
}

std::unique_ptr<FittedStep> load_frequency(const nlohmann::ordered_json& record) {
  std::vector<std::string> names = recorded_columns(record);
  Categories learnt;
  if (!load_categories(record, names.size(), learnt.names)) return nullptr;
  learnt.parts = recorded<std::vector<std::vector<double>>>(record, "parts");
  if (learnt.parts.size() != names.size()) return nullptr;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (learnt.parts[i].size() != learnt.names[i].size() || !are_finite(learnt.parts[i]))
      return nullptr;
  }
  return std::make_unique<FrequencyStep>(std::move(names), std::move(learnt));
}

const schema::Registered frequency_step(
    preprocess_steps(),
    StepKind{{.name = "frequency",
              .doc = "replaces a category by its part of the training rows; one not seen there "
                     "becomes 0",
              .bare = "columns",
              .options = ColumnOptions{}},
             fit_frequency,
             load_frequency});

}  // namespace
}  // namespace convoy::steps
