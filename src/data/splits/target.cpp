#include "data/splits/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

constexpr std::int64_t most_classes =
    1'000'000;  // more than this in a label file is a mistake, not a task

Task task_named(const std::string& name) {
  for (const Task task : all_tasks) {
    if (name == name_of(task)) return task;
  }
  throw InputError(fmt::format("data.task: {}: write auto, classification, binary or regression",
                               in_quotes(name)));
}

std::optional<double> as_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> sorted_names(std::vector<std::string> names) {
  const bool numeric = std::all_of(names.begin(), names.end(),
                                   [](const auto& n) { return as_number(n).has_value(); });
  std::sort(names.begin(), names.end(), [numeric](const std::string& a, const std::string& b) {
    if (numeric && *as_number(a) != *as_number(b)) return *as_number(a) < *as_number(b);
    return a < b;
  });
  return names;
}

/// Whether the numbers are exactly 0 and 1, both present.
bool is_zero_one(const std::vector<double>& numbers) {
  bool zero = false;
  bool one = false;
  for (const double x : numbers) {
    if (std::isnan(x)) continue;
    if (x != 0 && x != 1) return false;
    (x == 0 ? zero : one) = true;
  }
  return zero && one;
}

Task guess(const RawTarget& target, const DataOptions& data) {
  const Column& first = target.columns[0];
  if (target.columns.size() > 1) return Task::regression;
  if (data.classes > 2 || target.classes > 2) return Task::classification;
  if (first.categorical) return first.categories.size() == 2 ? Task::binary : Task::classification;
  if (is_zero_one(first.numbers)) return Task::binary;
  return target.integers || data.classes > 0 ? Task::classification : Task::regression;
}

/// Classes numbered from 0, counted in the training data where the job does not say how many.
std::int64_t count_classes(const RawTarget& target, const DataOptions& data) {
  if (data.classes > 0) return data.classes;
  if (target.classes > 0) return target.classes;
  double largest = 0;
  for (const double x : target.columns[0].numbers) {
    if (x > largest) largest = x;
  }
  if (largest >= static_cast<double>(most_classes)) {
    throw DataError(
        target.file.name(),
        fmt::format("label {} would make more than {} classes; are these class numbers? Set "
                    "data.task: regression if not",
                    largest, most_classes));
  }
  return static_cast<std::int64_t>(largest) + 1;
}

/// Whether labels that are numbers name classes.
bool are_class_names(const std::vector<double>& labels, const DataOptions& data) {
  std::set<double> different;
  bool numbered = data.classes > 0;  // from 0, all below the number of classes
  for (const double x : labels) {
    if (std::isnan(x)) continue;
    if (different.size() < 3) different.insert(x);
    numbered = numbered && x >= 0 && x < static_cast<double>(data.classes) && x == std::floor(x);
  }
  if (data.task == "auto" && data.classes == 0) return different.size() == 2;
  return data.task != "regression" && !numbered;
}

DataError sample_error(const Origin& file, std::int64_t sample, const std::string& problem) {
  return {file.sample(sample), problem};
}

/// Throws when a value is missing, saying how many are.
void require_present(const Column& column, std::span<const std::int64_t> numbers,
                     const Origin& file) {
  std::int64_t missing = 0;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const bool absent = column.categorical ? column.codes[i] < 0 : std::isnan(column.numbers[i]);
    if (absent && missing++ == 0) first = numbers[i];
  }
  if (missing == 0) return;
  throw DataError(
      file.name(),
      fmt::format(
          "{} row{} no value in the target column {}, the first is sample {}; remove them or "
          "add the preprocessing step drop_missing",
          missing, missing == 1 ? " has" : "s have", in_quotes(column.name), file.within(first)));
}

}  // namespace

std::int64_t RawTarget::rows() const {
  if (columns.empty()) return 0;
  const Column& first = columns[0];
  return static_cast<std::int64_t>(first.categorical ? first.codes.size() : first.numbers.size());
}

RawTarget target_of_array(const Array& labels, const Origin& file, BadSamples* bad) {
  const std::size_t dimensions = labels.shape.size();
  if (dimensions == 0 || dimensions > 2 || (dimensions == 2 && labels.shape[1] == 0)) {
    throw DataError(file.name(),
                    fmt::format("labels of shape {}; one row of numbers a sample is expected",
                                shape_text(labels.shape)));
  }
  RawTarget target;
  target.file = file;
  target.integers = !is_floating(labels.type);
  const auto rows = static_cast<std::size_t>(labels.shape[0]);
  const auto columns = dimensions == 2 ? static_cast<std::size_t>(labels.shape[1]) : 1;
  std::vector<double> row(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    Column column;
    column.name = columns == 1 ? "target" : fmt::format("target_{}", c + 1);
    column.numbers.resize(rows);
    target.columns.push_back(std::move(column));
  }
  for (std::size_t r = 0; r < rows; ++r) {
    to_doubles(labels, r * columns, row);
    for (std::size_t c = 0; c < columns; ++c) {
      if (!std::isfinite(row[c])) {
        const auto error =
            sample_error(file, static_cast<std::int64_t>(r), "the label is not a finite number");
        if (!bad) throw error;
        bad->add(static_cast<std::int64_t>(r), error.what());
        row[c] = std::numeric_limits<double>::quiet_NaN();
      }
      target.columns[c].numbers[r] = row[c];
    }
  }
  return target;
}

RawTarget target_of_labels(std::vector<double> labels, const Origin& file, const DataOptions& data,
                           const bool* categorical) {
  Column column;
  column.name = "target";
  column.categorical = categorical ? *categorical : are_class_names(labels, data);
  if (column.categorical) {
    std::map<double, std::int32_t> codes;
    for (const double x : labels) {
      if (std::isnan(x)) {
        column.codes.push_back(-1);
        continue;
      }
      const auto code = static_cast<std::int32_t>(column.categories.size());
      const auto [known, fresh] = codes.try_emplace(x, code);
      if (fresh) column.categories.push_back(fmt::format("{}", x == 0 ? 0.0 : x));
      column.codes.push_back(known->second);
    }
  } else {
    column.numbers = std::move(labels);
  }
  RawTarget target;
  target.file = file;
  target.columns.push_back(std::move(column));
  return target;
}

RawTarget target_of_classes(std::vector<double> labels, std::int64_t classes, const Origin& file) {
  RawTarget target;
  target.file = file;
  target.integers = true;
  target.classes = classes;
  Column& column = target.columns.emplace_back();
  column.name = "target";
  column.numbers = std::move(labels);
  return target;
}

TargetCode TargetCode::decide(const RawTarget& target, const DataOptions& data) {
  if (target.columns.empty()) throw DataError(target.file.name(), "has no target column");
  TargetCode code;
  const Column& first = target.columns[0];
  code.task_ = data.task == "auto" ? guess(target, data) : task_named(data.task);
  code.categorical_ = first.categorical;
  for (const Column& column : target.columns) code.columns_.push_back(column.name);

  if (code.task_ == Task::regression) {
    for (const Column& column : target.columns) {
      if (!column.categorical) continue;
      const std::string& example = column.categories.empty() ? column.name : column.categories[0];
      throw DataError(target.file.name(),
                      fmt::format("target column {} holds text ({}); regression needs numbers",
                                  in_quotes(column.name), in_quotes(example)));
    }
    code.outputs_ = static_cast<std::int64_t>(target.columns.size());
    return code;
  }
  if (target.columns.size() > 1) {
    throw InputError(fmt::format("{}: {} target columns; {} needs one", target.file.name(),
                                 target.columns.size(), name_of(code.task_)));
  }
  const std::int64_t classes = code.task_ == Task::binary ? 2
                               : first.categorical
                                   ? static_cast<std::int64_t>(first.categories.size())
                                   : count_classes(target, data);
  code.outputs_ = code.task_ == Task::binary ? 1 : classes;
  if (!first.categorical) {
    for (std::int64_t c = 0; c < classes; ++c) code.class_names_.push_back(std::to_string(c));
    return code;
  }
  const auto names = static_cast<std::int64_t>(first.categories.size());
  if (names != classes || (data.classes > 0 && names != data.classes)) {
    throw DataError(
        target.file.name(),
        fmt::format("target column {} holds {} different names ({}) where {} are expected",
                    in_quotes(first.name), names, name_list(first.categories),
                    data.classes > 0 ? data.classes : classes));
  }
  code.class_names_ = sorted_names(first.categories);
  return code;
}

torch::Tensor TargetCode::encode(const std::vector<Column>& columns,
                                 std::span<const std::int64_t> numbers, const Origin& file) const {
  if (columns.size() != columns_.size()) {
    throw DataError(file.name(), fmt::format("{} target columns where the training data has {}",
                                             columns.size(), columns_.size()));
  }
  for (const Column& column : columns) {
    if (column.categorical != categorical_) {
      throw DataError(file.name(),
                      fmt::format("target column {} holds {} where the training data has {}",
                                  in_quotes(column.name), column.categorical ? "text" : "numbers",
                                  categorical_ ? "names" : "numbers"));
    }
    require_present(column, numbers, file);
  }
  return categorical_ ? encode_names(columns[0], numbers, file)
                      : encode_numbers(columns, numbers, file);
}

std::string TargetCode::problem_of(double x) const {
  if (task_ == Task::binary)
    return x == 0 || x == 1 ? "" : fmt::format("label {} is outside 0..1", x);
  if (task_ == Task::regression)
    return std::isfinite(static_cast<float>(x)) ? ""
                                                : fmt::format("target {} does not fit 32 bits", x);
  if (x != std::floor(x)) return fmt::format("label {} is not a class number", x);
  if (x < 0 || x >= static_cast<double>(outputs_))
    return fmt::format("label {} is outside 0..{}", x, outputs_ - 1);
  return "";
}

std::string TargetCode::problem_of(const std::string& name) const {
  if (std::find(class_names_.begin(), class_names_.end(), name) != class_names_.end()) return "";
  return fmt::format("class {} is not in the training data, which has {}", in_quotes(name),
                     name_list(class_names_));
}

void TargetCode::find_bad(const RawTarget& target, BadSamples& bad, std::int64_t first) const {
  for (const Column& column : target.columns) {
    if (column.categorical != categorical_) return;  // `encode` says so
    std::vector<std::string> problems;
    for (const std::string& category : column.categories) problems.push_back(problem_of(category));
    for (std::int64_t row = 0; row < target.rows(); ++row) {
      const auto at = static_cast<std::size_t>(row);
      std::string problem;
      if (categorical_ && column.codes[at] >= 0)
        problem = problems[static_cast<std::size_t>(column.codes[at])];
      else if (!categorical_ && !std::isnan(column.numbers[at]))
        problem = problem_of(column.numbers[at]);
      if (problem.empty()) continue;
      bad.add(first + row, sample_error(target.file, first + row, problem).what());
    }
  }
}

torch::Tensor TargetCode::encode_numbers(const std::vector<Column>& columns,
                                         std::span<const std::int64_t> numbers,
                                         const Origin& file) const {
  const auto rows = static_cast<std::int64_t>(numbers.size());
  const auto width = static_cast<std::int64_t>(columns.size());
  const bool labels = task_ == Task::classification;
  torch::Tensor out = labels ? torch::empty({rows}, torch::kLong) : host_tensor({rows, width});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t c = 0; c < width; ++c) {
      const double x = columns[static_cast<std::size_t>(c)].numbers[static_cast<std::size_t>(i)];
      if (const std::string problem = problem_of(x); !problem.empty())
        throw sample_error(file, numbers[i], problem);
      if (labels)
        out.data_ptr<std::int64_t>()[i] = static_cast<std::int64_t>(x);
      else
        values_of(out)[static_cast<std::size_t>(i * width + c)] = static_cast<float>(x);
    }
  }
  return out;
}

torch::Tensor TargetCode::encode_names(const Column& column, std::span<const std::int64_t> numbers,
                                       const Origin& file) const {
  std::vector<std::int64_t> class_of;
  for (const std::string& category : column.categories) {
    const auto known = std::find(class_names_.begin(), class_names_.end(), category);
    class_of.push_back(known == class_names_.end() ? -1 : known - class_names_.begin());
  }
  const auto rows = static_cast<std::int64_t>(numbers.size());
  torch::Tensor labels = torch::empty({rows}, torch::kLong);
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto code = static_cast<std::size_t>(column.codes[static_cast<std::size_t>(i)]);
    if (class_of[code] < 0)
      throw sample_error(file, numbers[i], problem_of(column.categories[code]));
    labels.data_ptr<std::int64_t>()[i] = class_of[code];
  }
  return task_ == Task::binary ? to_host_tensor(labels).unsqueeze(1) : labels;
}

void TargetCode::describe(DataSpec& spec) const {
  spec.task = task_;
  spec.outputs = outputs_;
  spec.class_names = class_names_;
}

nlohmann::ordered_json TargetCode::to_json() const {
  return {{"task", name_of(task_)},
          {"columns", columns_},
          {"categorical", categorical_},
          {"outputs", outputs_},
          {"class_names", class_names_}};
}

TargetCode TargetCode::from_json(const nlohmann::ordered_json& json) {
  TargetCode code;
  code.task_ = task_named(json.at("task").get<std::string>());
  code.columns_ = json.at("columns").get<std::vector<std::string>>();
  code.categorical_ = json.at("categorical").get<bool>();
  code.outputs_ = json.at("outputs").get<std::int64_t>();
  code.class_names_ = json.at("class_names").get<std::vector<std::string>>();
  const bool one = code.columns_.size() == 1;
  const auto names = static_cast<std::int64_t>(code.class_names_.size());
  const bool sound = code.task_ == Task::classification ? one && names == code.outputs_ && names > 0
                     : code.task_ == Task::binary
                         ? one && names == 2 && code.outputs_ == 1
                         : !code.columns_.empty() && !code.categorical_ && names == 0 &&
                               code.outputs_ == static_cast<std::int64_t>(code.columns_.size());
  if (!sound) throw InputError("the record of the target is damaged");
  return code;
}

}  // namespace convoy
