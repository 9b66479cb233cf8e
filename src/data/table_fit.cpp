// Fitting: what a step learns from the training split.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "convoy/core/error.hpp"
#include "data/column_counts.hpp"
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

std::vector<const Column*> find_columns(Frame& frame, const std::vector<std::string>& names) {
  std::vector<const Column*> columns;
  for (const std::string& name : names) columns.push_back(find_column(frame.features, name));
  return columns;
}

std::int64_t rows_of(const Frame& frame) {
  return static_cast<std::int64_t>(frame.numbers.size());
}

[[noreturn]] void fail_without_value(const std::string& kind, const std::string& column) {
  fail_step(
      kind,
      fmt::format("column {} has no value in the training split; leave it out with data.csv.ignore",
                  in_quotes(column)));
}

/// The statistics of each column, or of all together as one group.
std::vector<Statistics> column_statistics(const std::vector<const Column*>& columns,
                                          std::int64_t rows, bool together, bool squares,
                                          Peers* peers) {
  const auto feed = [&](Range positions, StatisticsPass& pass) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      pass.add(together ? 0 : i, std::span(columns[i]->numbers)
                                     .subspan(static_cast<std::size_t>(positions.begin),
                                              static_cast<std::size_t>(positions.size())));
    }
  };
  return fit_statistics(rows, together ? 1 : columns.size(), squares, feed, peers);
}

FittedStep fit_numbers(const PreprocessStep& step, Frame& frame, Peers* peers) {
  const std::vector<std::string> names = columns_of(step, frame, true, false);
  if (needs_statistics(step) && step.per != "feature" && step.per != "all") {
    fail_step(step.kind,
              fmt::format("per: {} is for images; tables have feature and all", step.per));
  }
  const bool together = needs_statistics(step) && step.per == "all";
  std::vector<Statistics> groups(names.size());
  if (needs_statistics(step)) {
    groups = column_statistics(find_columns(frame, names), rows_of(frame), together,
                               needs_squares(step), peers);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (groups[together ? 0 : i].count == 0) fail_without_value(step.kind, names[i]);
    }
    if (together) groups.resize(names.size(), groups[0]);
  }
  FittedStep fitted = fit_elementwise(step, groups);
  fitted.columns = names;
  return fitted;
}

void impute_mean(FittedStep& fitted, Frame& frame, Peers* peers) {
  const std::vector<Statistics> statistics =
      column_statistics(find_columns(frame, fitted.columns), rows_of(frame), false, false, peers);
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i].count == 0) fail_without_value(fitted.kind, fitted.columns[i]);
    fitted.numbers[i] = statistics[i].mean();
  }
}

void impute_counted(FittedStep& fitted, bool mode, Frame& frame, Peers* peers) {
  const std::vector<const Column*> columns = find_columns(frame, fitted.columns);
  const std::vector<ColumnCounts> counts = count_values(columns, rows_of(frame), peers);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (counts[i].empty()) fail_without_value(fitted.kind, fitted.columns[i]);
    if (columns[i]->categorical)
      fitted.texts[i] = most_frequent(counts[i].texts);
    else
      fitted.numbers[i] = mode ? most_frequent(counts[i].numbers) : median(counts[i].numbers);
  }
}

FittedStep fit_impute(const PreprocessStep& step, Frame& frame, Peers* peers) {
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
  fitted.numbers.resize(fitted.columns.size(), step.with == "constant" ? step.value : 0);
  fitted.texts.resize(fitted.columns.size());
  if (step.with == "mean")
    impute_mean(fitted, frame, peers);
  else if (step.with != "constant")
    impute_counted(fitted, step.with == "mode", frame, peers);
  return fitted;
}

FittedStep fit_one_hot(const PreprocessStep& step, Frame& frame, Peers* peers) {
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, frame, false, true);
  const std::vector<ColumnCounts> counts =
      count_values(find_columns(frame, fitted.columns), rows_of(frame), peers);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i].texts.size() > most_categories) {
      fail_step(step.kind,
                fmt::format("column {} has {} categories; leave it out with data.csv.ignore "
                            "if it only identifies "
                            "rows",
                            in_quotes(fitted.columns[i]), counts[i].texts.size()));
    }
    std::vector<std::string> categories;
    for (const auto& [text, times] : counts[i].texts) categories.push_back(text);
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

FittedStep fit_step(const PreprocessStep& step, Frame& frame, Peers* peers) {
  if (is_elementwise(step)) return fit_numbers(step, frame, peers);
  if (step.kind == "impute") return fit_impute(step, frame, peers);
  if (step.kind == "one_hot") return fit_one_hot(step, frame, peers);
  if (step.kind == "drop_missing") return fit_drop_missing(step, frame);
  throw InputError(fmt::format("preprocess: no step is called {}", in_quotes(step.kind)));
}

}  // namespace

std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, Frame& frame,
                                  Peers* peers) {
  std::vector<FittedStep> fitted;
  for (const PreprocessStep& step : steps) {
    fitted.push_back(fit_step(step, frame, peers));
    apply_step(fitted.back(), frame);
    if (frame.numbers.empty())
      fail_step(step.kind, fmt::format("no row of the training split in {} is left", frame.file));
  }
  return fitted;
}

}  // namespace convoy
