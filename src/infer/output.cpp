#include "convoy/infer/output.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/formats/formats.hpp"
#include "infer/parquet_output.hpp"

namespace convoy {
namespace {

[[noreturn]] void fail(const std::string& problem) {
  throw InputError("predictions: " + problem);
}

bool has_classes(const DataSpec& spec) {
  return spec.task != Task::regression;
}

/// Columns of probabilities or values that one sample has.
std::int64_t width_of(const DataSpec& spec) {
  return spec.task == Task::binary ? 2 : spec.outputs;
}

/// What the rows of the CSV file are made from: contiguous, sizes checked.
struct Rows {
  std::span<const std::int64_t> samples;
  std::int64_t width = 0;
  torch::Tensor values;                              // float32 [n, width]
  std::optional<std::vector<std::int64_t>> classes;  // [n]; not without targets, or in regression
  torch::Tensor targets;  // float32 [n, width]; undefined without targets, or with classes

  std::span<const float> row(const torch::Tensor& tensor, std::size_t i) const {
    const auto columns = static_cast<std::size_t>(width);
    return values_of(tensor).subspan(i * columns, columns);
  }
};

torch::Tensor flat(const torch::Tensor& tensor, std::int64_t rows, std::int64_t columns,
                   const char* what) {
  if (tensor.dim() == 0 || tensor.size(0) != rows || tensor.numel() != rows * columns) {
    fail(fmt::format("{} are [{}], not [{}, {}]", what, fmt::join(tensor.sizes(), ", "), rows,
                     columns));
  }
  return to_host_tensor(tensor).reshape({rows, columns});
}

Rows make_rows(const DataSpec& spec, std::span<const std::int64_t> samples,
               const torch::Tensor& predictions, const torch::Tensor& target) {
  const auto count = static_cast<std::int64_t>(samples.size());
  Rows rows{samples, width_of(spec), {}, {}, {}};
  rows.values = flat(predictions, count, rows.width, "the predictions");
  if (!target.defined()) return rows;
  if (!has_classes(spec)) {
    rows.targets = flat(target, count, rows.width, "the targets");
    return rows;
  }
  if (target.dim() == 0 || target.size(0) != count || target.numel() != count)
    fail("not one target a sample");
  rows.classes = integers_of(target);
  for (const std::int64_t number : *rows.classes) {
    if (number < 0 || number >= rows.width)
      fail(fmt::format("a target is not one of the {} classes", rows.width));
  }
  return rows;
}

/// A field of RFC 4180.
std::string field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::vector<std::string> class_names(const DataSpec& spec) {
  if (!has_classes(spec)) return {};
  std::vector<std::string> names = spec.class_names;
  if (names.empty()) {
    for (std::int64_t i = 0; i < width_of(spec); ++i) names.push_back(std::to_string(i));
  }
  if (static_cast<std::int64_t>(names.size()) != width_of(spec)) {
    fail(fmt::format("{} class names for {} classes", names.size(), width_of(spec)));
  }
  return names;
}

/// The first largest; nothing when one is NaN.
std::optional<std::size_t> first_largest(std::span<const float> values) {
  if (values.empty() || std::ranges::any_of(values, [](float value) { return std::isnan(value); }))
    return std::nullopt;
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

std::string header(const DataSpec& spec, const Rows& rows, const std::vector<std::string>& names) {
  std::string line = "sample";
  const auto columns = [&](std::string_view name) {
    for (std::int64_t i = 0; i < rows.width; ++i) {
      line += rows.width == 1 ? fmt::format(",{}", name) : fmt::format(",{}_{}", name, i);
    }
  };
  if (!has_classes(spec)) {
    if (rows.targets.defined()) columns("target");
    columns("predicted");
    return line;
  }
  line += rows.classes.has_value() ? ",target,predicted" : ",predicted";
  for (const std::string& name : names) line += ',' + field("p_" + name);
  return line;
}

void append(std::string& text, std::span<const float> values) {
  for (const float value : values) fmt::format_to(std::back_inserter(text), ",{}", value);
}

std::string format_parquet(const DataSpec& spec, const Rows& rows) {
  const auto classes =
      rows.classes ? std::span<const std::int64_t>(*rows.classes) : std::span<const std::int64_t>();
  const auto targets = rows.targets.defined() ? std::span<const float>(values_of(rows.targets))
                                              : std::span<const float>();
  return parquet_predictions({rows.samples, static_cast<std::size_t>(rows.width),
                              values_of(rows.values), classes, targets, class_names(spec)});
}

std::string format_csv(const DataSpec& spec, const Rows& rows) {
  const std::vector<std::string> names = class_names(spec);
  std::vector<std::string> fields;
  for (const std::string& name : names) fields.push_back(field(name));
  std::string text = header(spec, rows, names) + '\n';
  for (std::size_t i = 0; i < rows.samples.size(); ++i) {
    const std::span<const float> values = rows.row(rows.values, i);
    text += std::to_string(rows.samples[i]);
    if (rows.classes) text += ',' + fields[static_cast<std::size_t>((*rows.classes)[i])];
    if (rows.targets.defined()) append(text, rows.row(rows.targets, i));
    if (has_classes(spec)) {
      const auto best = first_largest(values);
      text += ',' + (best ? fields[*best] : std::string());
    }
    append(text, values);
    text += '\n';
  }
  return text;
}

std::string format_array(std::span<const std::int64_t> samples, const torch::Tensor& predictions) {
  if (predictions.dim() == 0 || predictions.size(0) != static_cast<std::int64_t>(samples.size())) {
    fail(fmt::format("they are [{}], for {} samples", fmt::join(predictions.sizes(), ", "),
                     samples.size()));
  }
  const torch::Tensor values = to_host_tensor(predictions);
  Array array;
  array.shape = values.sizes().vec();
  array.type = ElementType::f32;
  array.bytes = std::as_bytes(values_of(values));
  return format_npy(array);
}

}  // namespace

void write_predictions(const std::filesystem::path& file, const std::string& format,
                       const DataSpec& spec, std::span<const std::int64_t> samples,
                       const torch::Tensor& predictions, const torch::Tensor& target) {
  if (format != "csv" && format != "npy" && format != "parquet")
    fail(fmt::format("'{}' is no format; write csv, npy or parquet", format));
  if (!predictions.defined()) fail("there are none");
  const auto rows = [&] { return make_rows(spec, samples, predictions, target); };
  write_file_atomically(file, format == "csv"       ? format_csv(spec, rows())
                              : format == "parquet" ? format_parquet(spec, rows())
                                                    : format_array(samples, predictions));
}

}  // namespace convoy
