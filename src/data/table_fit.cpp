// Fitting: what a step learns from the training split.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "convoy/core/error.hpp"
#include "data/csv_lexer.hpp"
#include "data/table_pipeline.hpp"

namespace convoy {
namespace {

// A one_hot column a category: more than this is an identifier, not a category.
constexpr std::size_t most_categories = 10'000;

/// The columns a step is for: those it names, else all that are of its type.
std::vector<std::string> columns_of(const PreprocessStep& step, Frame& frame, bool numbers,
                                    bool text) {
  std::vector<std::string> names = step.columns;
  if (names.empty()) {
    for (const Column& column : frame.features) {
      if (column.categorical ? text : numbers) names.push_back(column.name);
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail_step(step.kind, fmt::format("column {} is named twice", in_quotes(names[i])));
    }
    const Column& column = require_column(frame, step.kind, names[i]);
    if (column.categorical && !text) {
      fail_step(step.kind,
                fmt::format("column {} holds text; {}", in_quotes(column.name),
                            step.kind == "impute" ? "impute it with: mode" : "use one_hot for it"));
    }
    if (!column.categorical && !numbers) {
      fail_step(
          step.kind,
          fmt::format(
              "column {} holds numbers; list it in data.csv.categorical to read it as categories",
              in_quotes(column.name)));
    }
  }
  return names;
}

FittedStep fit_numbers(const PreprocessStep& step, Frame& frame) {
  const std::vector<std::string> names = columns_of(step, frame, true, false);
  if (needs_statistics(step) && step.per != "feature" && step.per != "all") {
    fail_step(step.kind,
              fmt::format("per: {} is for images; tables have feature and all", step.per));
  }
  const bool together = needs_statistics(step) && step.per == "all";
  std::vector<Statistics> groups(together ? 1 : names.size());
  const auto pass = [&](auto add) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (const double x : find_column(frame.features, names[i])->numbers)
        add(groups[together ? 0 : i], x);
    }
  };
  if (needs_statistics(step)) {
    pass([](Statistics& group, double x) { group.first(x); });
    pass([](Statistics& group, double x) { group.second(x); });
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (groups[together ? 0 : i].count() > 0) continue;
      fail_step(
          step.kind,
          fmt::format(
              "column {} has no value in the training split; leave it out with data.csv.ignore",
              in_quotes(names[i])));
    }
  }
  if (together) groups.resize(names.size(), groups[0]);
  FittedStep fitted = fit_elementwise(step, groups);
  fitted.columns = names;
  return fitted;
}

double most_frequent(const std::vector<double>& sorted) {
  double best = sorted[0];
  std::size_t best_count = 0;
  for (std::size_t start = 0; start < sorted.size();) {
    std::size_t end = start;
    while (end < sorted.size() && sorted[end] == sorted[start]) ++end;
    if (end - start > best_count) {  // ties stay with the smaller value, which comes first
      best = sorted[start];
      best_count = end - start;
    }
    start = end;
  }
  return best;
}

std::string most_frequent_text(const Column& column) {
  std::map<std::string, std::int64_t> counts;
  for (const std::int32_t code : column.codes) {
    if (code >= 0) ++counts[column.categories[static_cast<std::size_t>(code)]];
  }
  const auto best =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == counts.end() ? "" : best->first;
}

double fill_number(const PreprocessStep& step, const Column& column) {
  if (step.with == "constant") return step.value;
  std::vector<double> values;
  for (const double x : column.numbers) {
    if (!std::isnan(x)) values.push_back(x);
  }
  if (step.with == "mean") {
    Statistics statistics;
    for (const double x : values) statistics.first(x);
    return statistics.mean();
  }
  std::sort(values.begin(), values.end());
  if (step.with == "mode") return most_frequent(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : values[half - 1] / 2 + values[half] / 2;
}

FittedStep fit_impute(const PreprocessStep& step, Frame& frame) {
  static constexpr std::array known = {"mean", "median", "mode", "constant"};
  if (std::find(known.begin(), known.end(), step.with) == known.end()) {
    fail_step(step.kind,
              fmt::format("with: {}: write mean, median, mode or constant", in_quotes(step.with)));
  }
  if (step.with == "constant" && !std::isfinite(step.value))
    fail_step(step.kind, "value: is not a finite number");
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, frame, true, step.with == "mode");
  const std::size_t rows = frame.numbers.size();
  for (const std::string& name : fitted.columns) {
    const Column& column = *find_column(frame.features, name);
    if (step.with != "constant" && count_missing(column, rows) == static_cast<std::int64_t>(rows)) {
      fail_step(
          step.kind,
          fmt::format(
              "column {} has no value in the training split; leave it out with data.csv.ignore",
              in_quotes(name)));
    }
    fitted.numbers.push_back(column.categorical ? 0 : fill_number(step, column));
    fitted.texts.push_back(column.categorical ? most_frequent_text(column) : "");
  }
  return fitted;
}

FittedStep fit_one_hot(const PreprocessStep& step, Frame& frame) {
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, frame, false, true);
  for (const std::string& name : fitted.columns) {
    const Column& column = *find_column(frame.features, name);
    std::vector<bool> seen(column.categories.size());
    for (const std::int32_t code : column.codes) {
      if (code >= 0) seen[static_cast<std::size_t>(code)] = true;
    }
    std::vector<std::string> categories;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (seen[i]) categories.push_back(column.categories[i]);
    }
    if (categories.size() > most_categories) {
      fail_step(step.kind,
                fmt::format("column {} has {} categories; leave it out with data.csv.ignore "
                            "if it only identifies "
                            "rows",
                            in_quotes(name), categories.size()));
    }
    std::sort(categories.begin(), categories.end());
    fitted.categories.push_back(std::move(categories));
  }
  return fitted;
}

FittedStep fit_drop_missing(const PreprocessStep& step, Frame& frame) {
  for (const std::string& name : step.columns) {
    if (!find_column(frame.targets, name)) require_column(frame, step.kind, name);
  }
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = step.columns;
  return fitted;
}

FittedStep fit_step(const PreprocessStep& step, Frame& frame) {
  if (is_elementwise(step)) return fit_numbers(step, frame);
  if (step.kind == "impute") return fit_impute(step, frame);
  if (step.kind == "one_hot") return fit_one_hot(step, frame);
  if (step.kind == "drop_missing") return fit_drop_missing(step, frame);
  throw InputError(fmt::format("preprocess: no step is called {}", in_quotes(step.kind)));
}

}  // namespace

std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, Frame& frame) {
  std::vector<FittedStep> fitted;
  for (const PreprocessStep& step : steps) {
    fitted.push_back(fit_step(step, frame));
    apply_step(fitted.back(), frame);
    if (frame.numbers.empty())
      fail_step(step.kind, fmt::format("no row of the training split in {} is left", frame.file));
  }
  return fitted;
}

}  // namespace convoy
