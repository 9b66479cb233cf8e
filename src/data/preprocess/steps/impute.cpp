// Missing values become a column's mean, median or mode, or a constant.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "convoy/data/preprocess/column_counts.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/record.hpp"

namespace convoy {

void describe(schema::Visitor& v, ImputeOptions& o) {
  v.key("with", o.with, schema::choice({"mean", "median", "mode", "constant"}), "what to fill in");
  v.key("value", o.value, schema::any(), "`with: constant`: the value");
  describe_columns(v, o.columns);
  describe_error(v, o.error);
}

}  // namespace convoy

namespace convoy::steps {
namespace {

/// Of each column one of the two, whichever it holds.
struct Filling {
  std::vector<double> numbers;
  std::vector<std::string> texts;
};

class Impute final : public FittedStep {
 public:
  Impute(std::vector<std::string> columns, Filling filling)
      : FittedStep("impute", std::move(columns)), filling_(std::move(filling)) {}

  void save(nlohmann::ordered_json& record) const override {
    record["numbers"] = filling_.numbers;
    record["texts"] = filling_.texts;
  }
  void apply(Frame& frame) const override {
    for (std::size_t i = 0; i < columns().size(); ++i)
      fill_in(i, require_column(frame, kind(), columns()[i]));
  }

 private:
  void fill_in(std::size_t entry, Column& column) const {
    if (!column.categorical) {
      for (double& x : column.numbers) x = std::isnan(x) ? filling_.numbers[entry] : x;
      return;
    }
    const std::string& text = filling_.texts[entry];
    const auto known = std::find(column.categories.begin(), column.categories.end(), text);
    const auto code = static_cast<std::int32_t>(known - column.categories.begin());
    if (known == column.categories.end()) column.categories.push_back(text);
    std::replace_if(
        column.codes.begin(), column.codes.end(), [](std::int32_t c) { return c < 0; }, code);
  }

  Filling filling_;
};

void impute_mean(const std::vector<std::string>& names, TrainingRows& rows, Peers* peers,
                 Filling& filling) {
  const std::vector<Statistics> statistics = column_statistics(names, rows, false, false, peers);
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i].count == 0) fail_without_value("impute", names[i]);
    filling.numbers[i] = statistics[i].mean();
  }
}

void impute_counted(const std::vector<std::string>& names, const ImputeOptions& chosen,
                    TrainingRows& rows, Peers* peers, Filling& filling) {
  const bool mode = chosen.with == "mode";
  const std::vector<const Column*> columns = find_columns(rows.head(), names);
  const std::vector<ColumnCounts> counts = count_values(names, rows, peers, chosen.error);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (counts[i].empty()) fail_without_value("impute", names[i]);
    if (columns[i]->categorical)
      filling.texts[i] = most_frequent(counts[i].texts);
    else
      filling.numbers[i] = mode ? most_frequent(counts[i].numbers) : median(counts[i].numbers);
  }
}

std::vector<std::string> imputed_columns(const ImputeOptions& chosen, Frame& head) {
  return columns_of("impute", chosen.columns, head,
                    chosen.with == "mode" ? Holds::either : Holds::numbers, "impute it with: mode");
}

std::unique_ptr<FittedStep> fit_impute(const schema::AnyOptions& options, TrainingRows& rows,
                                       Peers* peers) {
  static constexpr std::array known = {"mean", "median", "mode", "constant"};
  const auto chosen = options.as<ImputeOptions>();
  if (std::find(known.begin(), known.end(), chosen.with) == known.end()) {
    fail_step("impute", fmt::format("with: {}: write mean, median, mode or constant",
                                    in_quotes(chosen.with)));
  }
  if (chosen.with == "constant" && !std::isfinite(chosen.value))
    fail_step("impute", "value: is not a finite number");
  if (chosen.error > 0 && chosen.with != "median")
    fail_step("impute", fmt::format("error: is for with: median; {} is exact", chosen.with));
  std::vector<std::string> names = imputed_columns(chosen, rows.head());
  Filling filling;
  filling.numbers.resize(names.size(), chosen.with == "constant" ? chosen.value : 0);
  filling.texts.resize(names.size());
  if (chosen.with == "mean")
    impute_mean(names, rows, peers, filling);
  else if (chosen.with != "constant")
    impute_counted(names, chosen, rows, peers, filling);
  return std::make_unique<Impute>(std::move(names), std::move(filling));
}

std::unique_ptr<FittedStep> load_impute(const nlohmann::ordered_json& record) {
  std::vector<std::string> names = recorded_columns(record);
  Filling filling{recorded<std::vector<double>>(record, "numbers"),
                  recorded<std::vector<std::string>>(record, "texts")};
  if (filling.numbers.size() != names.size() || !are_finite(filling.numbers) ||
      filling.texts.size() != names.size())
    return nullptr;
  return std::make_unique<Impute>(std::move(names), std::move(filling));
}

/// Medians and modes of numbers need each different one.
bool impute_counts_numbers(const schema::AnyOptions& options, Frame& head) {
  const auto chosen = options.as<ImputeOptions>();
  if (chosen.error > 0 || (chosen.with != "median" && chosen.with != "mode")) return false;
  const std::vector<std::string> names = imputed_columns(chosen, head);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return !find_column(head.features, name)->categorical;
  });
}

const schema::Registered impute_step(preprocess_steps(), StepKind{{.name = "impute",
                                                                   .doc = "fills missing values",
                                                                   .bare = "with",
                                                                   .options = ImputeOptions{}},
                                                                  fit_impute,
                                                                  load_impute,
                                                                  nullptr,
                                                                  nullptr,
                                                                  impute_counts_numbers});

}  // namespace
}  // namespace convoy::steps
