#include "convoy/data/preprocess/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy::steps {
namespace {

void require_type(const std::string& kind, const Column& column, Holds holds,
                  const std::string& of_text) {
  if (column.categorical && holds == Holds::numbers) {
    fail_step(kind, fmt::format("column {} holds text; {}", in_quotes(column.name),
                                of_text.empty() ? "use one_hot for it, or another step before this "
                                                  "one that makes numbers of text"
                                                : of_text));
  }
  if (!column.categorical && holds == Holds::text) {
    fail_step(kind,
              fmt::format("column {} holds numbers; list it in data.csv.categorical to read it as "
                          "categories, or put to_text before",
                          in_quotes(column.name)));
  }
}

bool goes_with(const Column& column, Holds holds) {
  return holds == Holds::either || column.categorical == (holds == Holds::text);
}

}  // namespace

std::vector<std::string> columns_of(const std::string& kind, const std::vector<std::string>& named,
                                    Frame& frame, Holds holds, const std::string& of_text) {
  std::vector<std::string> names = named;
  if (names.empty()) {
    for (const Column& column : frame.features) {
      if (goes_with(column, holds)) names.push_back(column.name);
    }
  }
  std::unordered_set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second)
      fail_step(kind, fmt::format("column {} is named twice", in_quotes(name)));
    require_type(kind, require_column(frame, kind, name), holds, of_text);
  }
  return names;
}

std::vector<const Column*> find_columns(const Frame& frame, const std::vector<std::string>& names) {
  std::vector<const Column*> columns;
  for (const std::string& name : names) columns.push_back(find_column(frame.features, name));
  return columns;
}

std::string place_of(const Frame& frame, std::size_t row) {
  return fmt::format("{}, sample {}", frame.file, frame.numbers[row]);
}

void fail_without_value(const std::string& kind, const std::string& column) {
  fail_step(
      kind,
      fmt::format("column {} has no value in the training split; leave it out with data.csv.ignore",
                  in_quotes(column)));
}

void require_text(const std::string& kind, const Column& column, const Frame& frame) {
  if (column.categorical) return;
  throw DataError(frame.file, fmt::format("column {} holds numbers where {} needs text",
                                          in_quotes(column.name), kind));
}

void require_numbers(const std::string& kind, const Column& column, const Frame& frame) {
  if (!column.categorical) return;
  throw DataError(frame.file, fmt::format("column {} holds text where {} needs numbers",
                                          in_quotes(column.name), kind));
}

namespace {

void require_none_missing(const std::string& kind, const Column& column, std::int64_t absent,
                          const std::string& file) {
  if (absent == 0) return;
  throw DataError(
      file,
      fmt::format("column {} has {} missing value{}; put impute: {{with: {}, columns: [{}]}} or "
                  "drop_missing before {}",
                  in_quotes(column.name), absent, absent == 1 ? "" : "s",
                  column.categorical ? "mode" : "mean", column.name, kind));
}

}  // namespace

void require_no_missing(const std::string& kind, const Column& column, const Frame& frame) {
  require_none_missing(kind, column, count_missing(column, frame.numbers.size()), frame.file);
}

void require_no_missing(const std::string& kind, const std::vector<std::string>& names,
                        TrainingRows& rows) {
  std::vector<std::int64_t> absent(names.size(), 0);
  rows.read({0, rows.size()}, [&](const Frame& frame, Range) {
    const std::vector<const Column*> columns = find_columns(frame, names);
    for (std::size_t i = 0; i < columns.size(); ++i)
      absent[i] += count_missing(*columns[i], frame.numbers.size());
  });
  const std::vector<const Column*> columns = find_columns(rows.head(), names);
  for (std::size_t i = 0; i < columns.size(); ++i)
    require_none_missing(kind, *columns[i], absent[i], rows.head().file);
}

void read_numbers(const std::vector<std::string>& names, TrainingRows& rows, Range positions,
                  bool column_by_column,
                  const std::function<void(std::size_t column, std::span<const double>)>& see) {
  const auto read = [&](std::size_t begin, std::size_t end) {
    rows.read(positions, [&](const Frame& frame, Range part) {
      for (std::size_t i = begin; i < end; ++i) {
        see(i, std::span(find_column(frame.features, names[i])->numbers)
                   .subspan(static_cast<std::size_t>(part.begin),
                            static_cast<std::size_t>(part.size())));
      }
    });
  };
  if (!column_by_column) return read(0, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) read(i, i + 1);
}

std::vector<Statistics> column_statistics(const std::vector<std::string>& names, TrainingRows& rows,
                                          bool together, bool squares, Peers* peers) {
  const auto feed = [&](Range positions, StatisticsPass& pass) {
    read_numbers(names, rows, positions, together,
                 [&](std::size_t column, std::span<const double> numbers) {
                   pass.add(together ? 0 : column, numbers);
                 });
  };
  return fit_statistics(rows.size(), together ? 1 : names.size(), squares, feed, peers);
}

void replace_columns(
    const FittedStep& step, Frame& frame,
    const std::function<std::vector<Column>(std::size_t entry, Column column)>& replace) {
  std::vector<Column> out;
  for (Column& column : frame.features) {
    const auto entry = std::find(step.columns().begin(), step.columns().end(), column.name);
    if (entry == step.columns().end()) {
      out.push_back(std::move(column));
      continue;
    }
    const auto index = static_cast<std::size_t>(entry - step.columns().begin());
    for (Column& made : replace(index, std::move(column))) out.push_back(std::move(made));
  }
  frame.features = std::move(out);
  std::unordered_set<std::string_view> names;
  for (const Column& column : frame.features) {
    if (!names.insert(column.name).second) {
      fail_step(step.kind(),
                fmt::format("makes a column {}, and there is one already", in_quotes(column.name)));
    }
  }
}

void require_there(const std::string& kind, const std::vector<std::string>& named, Frame& frame) {
  for (const std::string& name : named) {
    if (!find_column(frame.targets, name)) require_column(frame, kind, name);
  }
}

std::vector<const Column*> named_columns(const std::vector<std::string>& names,
                                         const Frame& frame) {
  std::vector<const Column*> columns;
  for (const auto* list : {&frame.features, &frame.targets}) {
    for (const Column& column : *list) {
      const bool named = std::find(names.begin(), names.end(), column.name) != names.end();
      if (names.empty() || named) columns.push_back(&column);
    }
  }
  return columns;
}

void keep_rows(Frame& frame, const std::vector<std::int64_t>& kept) {
  if (kept.size() == frame.numbers.size()) return;
  frame.features = take_rows(frame.features, kept);
  frame.targets = take_rows(frame.targets, kept);
  for (std::size_t i = 0; i < kept.size(); ++i)
    frame.numbers[i] = frame.numbers[static_cast<std::size_t>(kept[i])];
  frame.numbers.resize(kept.size());
}

}  // namespace convoy::steps
