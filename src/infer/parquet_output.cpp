#include "infer/parquet_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/formats/columnar.hpp"

namespace convoy {
namespace {

using columnar::Written;

/// The `i`-th value of each sample.
Written strided_column(std::string name, std::span<const float> values, std::size_t i,
                       std::size_t width) {
  Written column;
  column.name = std::move(name);
  column.floats.reserve(values.size() / width);
  for (; i < values.size(); i += width) column.floats.push_back(values[i]);
  return column;
}

void add_values(std::vector<Written>& columns, const std::string& name,
                std::span<const float> values, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) {
    columns.push_back(
        strided_column(width == 1 ? name : fmt::format("{}_{}", name, i), values, i, width));
  }
}

Written target_classes(const PredictionRows& rows) {
  Written column;
  column.name = "target";
  for (const std::int64_t known : rows.classes)
    column.texts.push_back(rows.names.at(static_cast<std::size_t>(known)));
  return column;
}

/// The class of the largest probability, the first of equals.
Written predicted_classes(const PredictionRows& rows) {
  Written column;
  column.name = "predicted";
  for (std::size_t at = 0; at < rows.values.size(); at += rows.width) {
    const auto own = rows.values.subspan(at, rows.width);
    const bool none = std::ranges::any_of(own, [](float p) { return std::isnan(p); });
    const auto best = static_cast<std::size_t>(std::ranges::max_element(own) - own.begin());
    column.texts.push_back(none ? "" : rows.names.at(best));
    column.missing.push_back(none);
  }
  return column;
}

}  // namespace

std::string parquet_predictions(const PredictionRows& rows) {
  std::vector<Written> columns(1);
  columns[0].name = "sample";
  columns[0].integers.assign(rows.samples.begin(), rows.samples.end());
  if (rows.names.empty()) {
    if (!rows.targets.empty()) add_values(columns, "target", rows.targets, rows.width);
    add_values(columns, "predicted", rows.values, rows.width);
    return format_parquet(columns);
  }
  if (!rows.classes.empty()) columns.push_back(target_classes(rows));
  columns.push_back(predicted_classes(rows));
  for (std::size_t i = 0; i < rows.width; ++i)
    columns.push_back(strided_column("p_" + rows.names.at(i), rows.values, i, rows.width));
  return format_parquet(columns);
}

}  // namespace convoy
