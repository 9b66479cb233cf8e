#include "data/table_pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <array>
#include <map>

#include "convoy/core/error.hpp"
#include "data/array.hpp"
#include "data/csv_lexer.hpp"

namespace convoy {
namespace {

constexpr std::size_t most_categories = 10'000;  // a one_hot column a category: more is an identifier, not a category

bool is_missing(const Column& column, std::size_t row) {
  return column.categorical ? column.codes[row] < 0 : std::isnan(column.numbers[row]);
}

std::int64_t count_missing(const Column& column, std::size_t rows) {
  std::int64_t count = 0;
  for (std::size_t row = 0; row < rows; ++row) count += is_missing(column, row);
  return count;
}

Column* find_column(std::vector<Column>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

[[noreturn]] void fail(const std::string& kind, const std::string& problem) {
  throw InputError(fmt::format("preprocess: {}: {}", kind, problem));
}

Column& require_column(Frame& frame, const std::string& kind, const std::string& name) {
  if (Column* column = find_column(frame.features, name)) return *column;
  if (find_column(frame.targets, name)) {
    fail(kind, fmt::format("column {} is the target; steps change features only", in_quotes(name)));
  }
  fail(kind, fmt::format("no column {} at this step; there are {}", in_quotes(name), name_list(feature_names(frame))));
}

/// The columns a step is for: those it names, else all that are of its type.
std::vector<std::string> columns_of(const PreprocessStep& step, Frame& frame, bool numbers, bool text) {
  std::vector<std::string> names = step.columns;
  if (names.empty()) {
    for (const Column& column : frame.features) {
      if (column.categorical ? text : numbers) names.push_back(column.name);
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail(step.kind, fmt::format("column {} is named twice", in_quotes(names[i])));
    }
    const Column& column = require_column(frame, step.kind, names[i]);
    if (column.categorical && !text) {
      fail(step.kind, fmt::format("column {} holds text; {}", in_quotes(column.name),
                                  step.kind == "impute" ? "impute it with: mode" : "use one_hot for it"));
    }
    if (!column.categorical && !numbers) {
      fail(step.kind, fmt::format("column {} holds numbers; list it in data.csv.categorical to read it as categories",
                                  in_quotes(column.name)));
    }
  }
  return names;
}

FittedStep fit_numbers(const PreprocessStep& step, Frame& frame) {
  const std::vector<std::string> names = columns_of(step, frame, true, false);
  if (needs_statistics(step) && step.per != "feature" && step.per != "all") {
    fail(step.kind, fmt::format("per: {} is for images; tables have feature and all", step.per));
  }
  const bool together = needs_statistics(step) && step.per == "all";
  std::vector<Statistics> groups(together ? 1 : names.size());
  const auto pass = [&](auto add) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (const double x : find_column(frame.features, names[i])->numbers) add(groups[together ? 0 : i], x);
    }
  };
  if (needs_statistics(step)) {
    pass([](Statistics& group, double x) { group.first(x); });
    pass([](Statistics& group, double x) { group.second(x); });
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (groups[together ? 0 : i].count() > 0) continue;
      fail(step.kind, fmt::format("column {} has no value in the training split; leave it out with data.csv.ignore",
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
  const auto best = std::max_element(counts.begin(), counts.end(),
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
    fail(step.kind, fmt::format("with: {}: write mean, median, mode or constant", in_quotes(step.with)));
  }
  if (step.with == "constant" && !std::isfinite(step.value)) fail(step.kind, "value: is not a finite number");
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, frame, true, step.with == "mode");
  const std::size_t rows = frame.numbers.size();
  for (const std::string& name : fitted.columns) {
    const Column& column = *find_column(frame.features, name);
    if (step.with != "constant" && count_missing(column, rows) == static_cast<std::int64_t>(rows)) {
      fail(step.kind, fmt::format("column {} has no value in the training split; leave it out with data.csv.ignore",
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
      fail(step.kind, fmt::format("column {} has {} categories; leave it out with data.csv.ignore if it only identifies "
                                  "rows", in_quotes(name), categories.size()));
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

void apply_numbers(const FittedStep& step, std::size_t entry, Column& column) {
  if (step.kind == "clip") {
    for (double& x : column.numbers) x = std::isnan(x) ? x : std::min(std::max(x, step.low), step.high);
    return;
  }
  const double subtract = step.subtract[entry];
  const double divide = step.divide[entry];
  const double add = step.add[entry];
  for (double& x : column.numbers) x = (x - subtract) / divide + add;
}

void apply_impute(const FittedStep& step, std::size_t entry, Column& column) {
  if (!column.categorical) {
    for (double& x : column.numbers) x = std::isnan(x) ? step.numbers[entry] : x;
    return;
  }
  const auto known = std::find(column.categories.begin(), column.categories.end(), step.texts[entry]);
  const auto code = static_cast<std::int32_t>(known - column.categories.begin());
  if (known == column.categories.end()) column.categories.push_back(step.texts[entry]);
  std::replace_if(column.codes.begin(), column.codes.end(), [](std::int32_t c) { return c < 0; }, code);
}

/// The 0/1 columns that take a categorical column's place.
std::vector<Column> one_hot(const Column& column, const std::vector<std::string>& categories, const Frame& frame) {
  if (!column.categorical) {
    throw DataError(frame.file, fmt::format("column {} holds numbers where one_hot needs text", in_quotes(column.name)));
  }
  const std::int64_t absent = count_missing(column, frame.numbers.size());
  if (absent > 0) {
    throw DataError(frame.file, fmt::format("column {} has {} missing value{}; put impute: {{with: mode, columns: [{}]}} or "
                                            "drop_missing before one_hot", in_quotes(column.name), absent,
                                            absent == 1 ? "" : "s", column.name));
  }
  std::vector<Column> out;
  for (const std::string& category : categories) {
    const auto known = std::find(column.categories.begin(), column.categories.end(), category);
    const auto code = known == column.categories.end() ? -1 : static_cast<std::int32_t>(known - column.categories.begin());
    Column indicator;
    indicator.name = fmt::format("{}={}", column.name, category);
    indicator.numbers.resize(frame.numbers.size());
    for (std::size_t row = 0; row < frame.numbers.size(); ++row) indicator.numbers[row] = column.codes[row] == code;
    out.push_back(std::move(indicator));
  }
  return out;
}

void apply_one_hot(const FittedStep& step, Frame& frame) {
  std::vector<Column> out;
  for (Column& column : frame.features) {
    const auto entry = std::find(step.columns.begin(), step.columns.end(), column.name);
    if (entry == step.columns.end()) {
      out.push_back(std::move(column));
      continue;
    }
    const auto index = static_cast<std::size_t>(entry - step.columns.begin());
    for (Column& indicator : one_hot(column, step.categories[index], frame)) out.push_back(std::move(indicator));
  }
  frame.features = std::move(out);
}

void apply_drop_missing(const FittedStep& step, Frame& frame) {
  std::vector<std::int64_t> kept;
  std::vector<const Column*> looked_at;
  for (const auto* columns : {&frame.features, &frame.targets}) {
    for (const Column& column : *columns) {
      const bool named = std::find(step.columns.begin(), step.columns.end(), column.name) != step.columns.end();
      if (step.columns.empty() || named) looked_at.push_back(&column);
    }
  }
  for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
    const auto absent = [row](const Column* column) { return is_missing(*column, row); };
    if (std::none_of(looked_at.begin(), looked_at.end(), absent)) kept.push_back(static_cast<std::int64_t>(row));
  }
  if (kept.size() == frame.numbers.size()) return;
  frame.features = take_rows(frame.features, kept);
  frame.targets = take_rows(frame.targets, kept);
  for (std::size_t i = 0; i < kept.size(); ++i) frame.numbers[i] = frame.numbers[static_cast<std::size_t>(kept[i])];
  frame.numbers.resize(kept.size());
}

void apply_step(const FittedStep& step, Frame& frame) {
  if (step.kind == "drop_missing") return apply_drop_missing(step, frame);
  for (std::size_t i = 0; i < step.columns.size(); ++i) {
    Column& column = require_column(frame, step.kind, step.columns[i]);
    if (step.kind == "impute") apply_impute(step, i, column);
    else if (step.kind != "one_hot") apply_numbers(step, i, column);
  }
  if (step.kind == "one_hot") apply_one_hot(step, frame);
}

void require_numbers(const Column& column, const Frame& frame) {
  if (column.categorical) {
    throw DataError(frame.file, fmt::format("column {} holds text ({}); add the preprocessing step one_hot, or leave it "
                                            "out with data.csv.ignore", in_quotes(column.name),
                                            column.categories.empty() ? "none" : in_quotes(column.categories[0])));
  }
  if (const std::int64_t absent = count_missing(column, frame.numbers.size()); absent > 0) {
    throw DataError(frame.file, fmt::format("column {} has {} missing value{}; add the preprocessing step impute or "
                                            "drop_missing", in_quotes(column.name), absent, absent == 1 ? "" : "s"));
  }
}

}  // namespace

std::vector<Column> take_rows(const std::vector<Column>& columns, std::span<const std::int64_t> rows) {
  std::vector<Column> out;
  for (const Column& column : columns) {
    Column taken;
    taken.name = column.name;
    taken.categorical = column.categorical;
    taken.categories = column.categories;
    for (const std::int64_t row : rows) {
      if (column.categorical) taken.codes.push_back(column.codes[static_cast<std::size_t>(row)]);
      else taken.numbers.push_back(column.numbers[static_cast<std::size_t>(row)]);
    }
    out.push_back(std::move(taken));
  }
  return out;
}

std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, Frame& frame) {
  std::vector<FittedStep> fitted;
  for (const PreprocessStep& step : steps) {
    fitted.push_back(fit_step(step, frame));
    apply_step(fitted.back(), frame);
    if (frame.numbers.empty()) fail(step.kind, fmt::format("no row of the training split in {} is left", frame.file));
  }
  return fitted;
}

void apply_steps(const std::vector<FittedStep>& steps, Frame& frame) {
  for (const FittedStep& step : steps) apply_step(step, frame);
}

std::vector<std::string> feature_names(const Frame& frame) {
  std::vector<std::string> names;
  for (const Column& column : frame.features) names.push_back(column.name);
  return names;
}

Array to_matrix(const Frame& frame) {
  const std::size_t width = frame.features.size();
  const std::size_t rows = frame.numbers.size();
  auto values = std::make_shared<std::vector<float>>(rows * width);
  for (std::size_t c = 0; c < width; ++c) {
    const Column& column = frame.features[c];
    require_numbers(column, frame);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto value = static_cast<float>(column.numbers[row]);
      if (!std::isfinite(value)) {
        throw DataError(fmt::format("{}, sample {}", frame.file, frame.numbers[row]),
                        fmt::format("column {}: {} does not fit a 32-bit number; scale it first", in_quotes(column.name),
                                    column.numbers[row]));
      }
      (*values)[row * width + c] = value;
    }
  }
  Array matrix;
  matrix.type = ElementType::f32;
  matrix.shape = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)};
  matrix.bytes = std::as_bytes(std::span<const float>(*values));
  matrix.owner = std::move(values);
  return matrix;
}

}  // namespace convoy
