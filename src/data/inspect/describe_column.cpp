#include <algorithm>
#include <cmath>

#include "convoy/data/preprocess/column_counts.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "convoy/data/preprocess/statistics.hpp"
#include "data/inspect/describe.hpp"
#include "data/inspect/histogram.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

// More values than this are no longer listed one by one.
constexpr std::size_t most_listed = 10;

/// The value below which the part `p` of the counted numbers lies, which must not be none.
double quantile(const std::vector<NumberCount>& numbers, double p) {
  std::int64_t total = 0;
  for (const NumberCount& entry : numbers) total += entry.times;
  const double position = p * static_cast<double>(total - 1);
  auto left = static_cast<std::int64_t>(position);
  const double rest = position - std::floor(position);
  std::size_t i = 0;
  while (left >= numbers[i].times) left -= numbers[i++].times;
  const double low = numbers[i].number;
  const bool last_of_its_kind = left + 1 == numbers[i].times;
  const double high = last_of_its_kind && i + 1 < numbers.size() ? numbers[i + 1].number : low;
  return low * (1 - rest) + high * rest;
}

bool are_whole(const std::vector<NumberCount>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](const NumberCount& entry) {
    return entry.number == std::floor(entry.number);
  });
}

/// {value, count} of the commonest, the most frequent first.
template <typename Value>
Json commonest(std::vector<std::pair<Value, std::int64_t>> values) {
  std::stable_sort(values.begin(), values.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  Json json = Json::array();
  for (std::size_t i = 0; i < std::min(values.size(), most_listed); ++i)
    json.push_back({{"value", values[i].first}, {"count", values[i].second}});
  return json;
}

Statistics statistics_of(const Column& column) {
  const auto feed = [&](Range positions, StatisticsPass& pass) {
    pass.add(0, std::span(column.numbers)
                    .subspan(static_cast<std::size_t>(positions.begin),
                             static_cast<std::size_t>(positions.size())));
  };
  return fit_statistics(static_cast<std::int64_t>(column.numbers.size()), 1, true, feed,
                        nullptr)[0];
}

void describe_numbers(const Column& column, const std::vector<NumberCount>& numbers, Json& json) {
  const bool whole = are_whole(numbers);
  const Statistics statistics = statistics_of(column);
  json["whole"] = whole;
  json["min"] = numbers.front().number;
  json["lower_quartile"] = quantile(numbers, 0.25);
  json["median"] = quantile(numbers, 0.5);
  json["upper_quartile"] = quantile(numbers, 0.75);
  json["max"] = numbers.back().number;
  json["mean"] = statistics.mean();
  json["std"] = statistics.deviation();
  Histogram histogram = empty_histogram(numbers.front().number, numbers.back().number, whole);
  for (const NumberCount& entry : numbers)
    histogram.counts[histogram.bin_of(entry.number)] += entry.times;
  json["histogram"] = to_json(histogram);
  if (numbers.size() > most_listed) return;
  std::vector<std::pair<double, std::int64_t>> values;
  for (const NumberCount& entry : numbers) values.emplace_back(entry.number, entry.times);
  json["commonest"] = commonest(std::move(values));
}

}  // namespace

Json describe_column(const Column& column) {
  const std::size_t rows = column.categorical ? column.codes.size() : column.numbers.size();
  const std::int64_t missing = count_missing(column, rows);
  const ColumnCounts counts = count_values(column);
  Json json = {
      {"name", column.name},
      {"kind", column.categorical ? "text" : "number"},
      {"missing", missing},
      {"missing_part", rows == 0 ? 0 : static_cast<double>(missing) / static_cast<double>(rows)},
      {"distinct", column.categorical ? counts.texts.size() : counts.numbers.size()}};
  if (column.categorical)
    json["commonest"] = commonest(std::vector<std::pair<std::string, std::int64_t>>(
        counts.texts.begin(), counts.texts.end()));
  else if (!counts.numbers.empty())
    describe_numbers(column, counts.numbers, json);
  return json;
}

}  // namespace convoy
