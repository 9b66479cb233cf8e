// Values that are too far from the others of their column are clipped, become missing, or their
// rows leave the training split. What is to be predicted or measured stays whole.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "convoy/data/preprocess/column_counts.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "data/preprocess/quantiles.hpp"
#include "data/preprocess/record.hpp"

namespace convoy {

void describe(schema::Visitor& v, OutliersOptions& o) {
  v.key("method", o.method, schema::choice({"iqr", "z"}),
        "iqr: beyond the quartiles by more than `limit` times their distance; z: further than "
        "`limit` standard deviations from the mean");
  v.key("limit", o.limit, schema::at_least(0), "0: 1.5 (iqr), 3 (z)");
  v.key("action", o.action, schema::choice({"clip", "missing", "drop"}),
        "moves them to the bound; makes them missing values; or leaves out their rows, in the "
        "training split only");
  describe_columns(v, o.columns);
  describe_error(v, o.error);
}

}  // namespace convoy

namespace convoy::steps {
namespace {

constexpr double no_bound = std::numeric_limits<double>::max();

/// Of each column.
struct Bounds {
  std::vector<double> lower;
  std::vector<double> upper;

  /// At `reach` beyond `low` and `high`. Where the reach is 0 (most values are equal) it says
  /// nothing about the others: there are no bounds then.
  void push(double low, double high, double reach) {
    const bool some = reach > 0 && std::isfinite(reach);
    lower.push_back(some ? std::max(low - reach, -no_bound) : -no_bound);
    upper.push_back(some ? std::min(high + reach, no_bound) : no_bound);
  }
};

bool is_action(const std::string& action) {
  return action == "clip" || action == "missing" || action == "drop";
}

class Outliers final : public FittedStep {
 public:
  Outliers(std::vector<std::string> columns, Bounds bounds, std::string action)
      : FittedStep("outliers", std::move(columns)),
        bounds_(std::move(bounds)),
        action_(std::move(action)) {}

  void save(nlohmann::ordered_json& record) const override {
    record["lower"] = bounds_.lower;
    record["upper"] = bounds_.upper;
    record["action"] = action_;
  }

  void apply(Frame& frame) const override {
    if (action_ == "drop") return;
    for (std::size_t i = 0; i < columns().size(); ++i) {
      Column& column = require_column(frame, kind(), columns()[i]);
      require_numbers(kind(), column, frame);
      for (double& x : column.numbers) {
        if (!is_outside(i, x)) continue;
        x = action_ == "missing" ? std::numeric_limits<double>::quiet_NaN()
                                 : std::clamp(x, bounds_.lower[i], bounds_.upper[i]);
      }
    }
  }

  bool drops_training_rows() const override { return action_ == "drop"; }
  void drop_training_rows(Frame& frame) const override {
    if (action_ != "drop") return;
    const std::vector<const Column*> looked_at = find_columns(frame, columns());
    std::vector<std::int64_t> kept;
    for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
      bool outside = false;
      for (std::size_t i = 0; i < looked_at.size(); ++i)
        outside = outside || is_outside(i, looked_at[i]->numbers[row]);
      if (!outside) kept.push_back(static_cast<std::int64_t>(row));
    }
    keep_rows(frame, kept);
  }

 private:
  bool is_outside(std::size_t entry, double x) const {
    return x < bounds_.lower[entry] || x > bounds_.upper[entry];
  }

  Bounds bounds_;
  std::string action_;
};

Bounds quartile_bounds(const std::vector<std::string>& names, double limit, double error,
                       TrainingRows& rows, Peers* peers) {
  static constexpr std::array parts = {0.25, 0.75};
  Bounds bounds;
  const std::vector<ColumnCounts> counts = count_values(names, rows, peers, error);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i].empty()) fail_without_value("outliers", names[i]);
    const std::vector<double> quartiles = quantiles_at(counts[i].numbers, parts);
    bounds.push(quartiles[0], quartiles[1], limit * (quartiles[1] - quartiles[0]));
  }
  return bounds;
}

Bounds deviation_bounds(const std::vector<std::string>& names, double limit, TrainingRows& rows,
                        Peers* peers) {
  Bounds bounds;
  const std::vector<Statistics> statistics = column_statistics(names, rows, false, true, peers);
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i].count == 0) fail_without_value("outliers", names[i]);
    bounds.push(statistics[i].mean(), statistics[i].mean(), limit * statistics[i].deviation());
  }
  return bounds;
}

void check_outliers(const OutliersOptions& chosen) {
  if (chosen.method != "iqr" && chosen.method != "z")
    fail_step("outliers", fmt::format("method: '{}': write iqr or z", chosen.method));
  if (!is_action(chosen.action))
    fail_step("outliers", fmt::format("action: '{}': write clip, missing or drop", chosen.action));
  if (!(chosen.limit >= 0) || !std::isfinite(chosen.limit))
    fail_step("outliers", fmt::format("limit: {}: write a number of at least 0", chosen.limit));
  if (chosen.error > 0 && chosen.method != "iqr")
    fail_step("outliers", "error: is for method: iqr; z is exact");
}

std::unique_ptr<FittedStep> fit_outliers(const schema::AnyOptions& options, TrainingRows& rows,
                                         Peers* peers) {
  const auto chosen = options.as<OutliersOptions>();
  check_outliers(chosen);
  std::vector<std::string> names =
      columns_of("outliers", chosen.columns, rows.head(), Holds::numbers);
  Bounds bounds = chosen.method == "iqr"
                      ? quartile_bounds(names, chosen.limit == 0 ? 1.5 : chosen.limit, chosen.error,
                                        rows, peers)
                      : deviation_bounds(names, chosen.limit == 0 ? 3 : chosen.limit, rows, peers);
  return std::make_unique<Outliers>(std::move(names), std::move(bounds), chosen.action);
}

std::unique_ptr<FittedStep> load_outliers(const nlohmann::ordered_json& record) {
  std::vector<std::string> names = recorded_columns(record);
  Bounds bounds{recorded<std::vector<double>>(record, "lower"),
                recorded<std::vector<double>>(record, "upper")};
  auto action = recorded<std::string>(record, "action");
  if (bounds.lower.size() != names.size() || bounds.upper.size() != names.size() ||
      !are_finite(bounds.lower) || !are_finite(bounds.upper) || !is_action(action) ||
      !std::equal(bounds.lower.begin(), bounds.lower.end(), bounds.upper.begin(),
                  std::less_equal<>()))
    return nullptr;
  return std::make_unique<Outliers>(std::move(names), std::move(bounds), std::move(action));
}

std::string outliers_by_column(const schema::AnyOptions& options, std::span<const std::int64_t>) {
  return options.as<OutliersOptions>().action == "drop" ? "drops rows by all of them" : "";
}

bool outliers_count_values(const schema::AnyOptions& options, Frame&) {
  const auto chosen = options.as<OutliersOptions>();
  return chosen.method == "iqr" && !(chosen.error > 0);
}

const schema::Registered outliers_step(
    preprocess_steps(),
    StepKind{{.name = "outliers",
              .doc = "finds values that are too far from the others of their column",
              .bare = "method",
              .options = OutliersOptions{}},
             fit_outliers,
             load_outliers,
             nullptr,
             outliers_by_column,
             outliers_count_values});

}  // namespace
}  // namespace convoy::steps
