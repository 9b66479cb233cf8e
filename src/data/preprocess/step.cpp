// Declared in convoy/data/preprocess/step.hpp.
#include "convoy/data/preprocess/step.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

/// Finds the list that some options have as `columns`.
class FindColumns final : public schema::Visitor {
 public:
  void visit(const schema::Key& key) override {
    if (key.name != "columns") return;
    if (auto* const list = std::get_if<std::vector<std::string>*>(&key.value)) found = *list;
  }
  void visit(const schema::Section& /*section*/) override {}
  void visit(schema::Items& /*list*/) override {}

  std::vector<std::string>* found = nullptr;
};

}  // namespace

schema::Registry<StepKind>& preprocess_steps() {
  static schema::Registry<StepKind> all("preprocessing step", "preprocessing steps", "preprocess");
  return all;
}

schema::AnyOptions options_of(const PreprocessStep& step) {
  const StepKind& kind = preprocess_steps().get(step.kind);
  return step.own.empty() ? kind.options : step.own;
}

std::vector<std::string> chosen_columns(const schema::AnyOptions& options) {
  FindColumns finder;
  options.describe(finder);
  return finder.found == nullptr ? std::vector<std::string>() : *finder.found;
}

void choose_columns(schema::AnyOptions& options, std::vector<std::string> columns) {
  FindColumns finder;
  options.describe(finder);
  if (finder.found != nullptr) *finder.found = std::move(columns);
}

nlohmann::ordered_json to_json(const FittedStep& step) {
  nlohmann::ordered_json record{{"kind", step.kind()}};
  if (!step.columns().empty()) record["columns"] = step.columns();
  step.save(record);
  return record;
}

std::shared_ptr<const FittedStep> fitted_step(const nlohmann::ordered_json& record) {
  const auto kind = record.at("kind").get<std::string>();
  std::shared_ptr<const FittedStep> step = preprocess_steps().get(kind).load(record);
  if (step == nullptr) throw InputError(fmt::format("the fitted step '{}' is damaged", kind));
  return step;
}

std::vector<std::string> recorded_columns(const nlohmann::ordered_json& record) {
  return record.value("columns", std::vector<std::string>());
}

std::string problem_by_column(const PreprocessStep& step,
                              std::span<const std::int64_t> sample_shape) {
  const StepKind& kind = preprocess_steps().get(step.kind);
  if (kind.problem_by_column) return kind.problem_by_column(options_of(step), sample_shape);
  return kind.guarantees.columns ? "" : "is of all columns together";
}

}  // namespace convoy
