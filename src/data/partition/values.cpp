#include "data/partition/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

const std::string missing_value = "\xff";  // no text of a file: it is not UTF-8

std::string number_text(double x) {
  return fmt::format("{}", x == 0 ? 0.0 : x);  // -0 is 0
}

/// The different numbers, ascending.
std::vector<double> distinct_numbers(const Column& values) {
  std::vector<double> distinct;
  distinct.reserve(values.numbers.size());
  for (const double x : values.numbers)
    if (!std::isnan(x)) distinct.push_back(x);
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  return distinct;
}

/// Numbers of the categories in the order of their bytes.
std::vector<std::size_t> sorted_categories(const Column& values) {
  std::vector<std::size_t> order(values.categories.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return values.categories[a] < values.categories[b];  // char_traits compares unsigned bytes
  });
  return order;
}

std::uint64_t hash_of(std::string_view text, std::uint64_t seed) {
  return xxh64(std::as_bytes(std::span(text.data(), text.size())), seed);
}

/// Calls `see` with the text of each value but the missing one, in order.
template <typename See>
void for_each_value(const Column& values, const See& see) {
  if (values.categorical) {
    for (const std::size_t category : sorted_categories(values)) see(values.categories[category]);
  } else {
    for (const double x : distinct_numbers(values)) see(number_text(x));
  }
}

std::vector<std::uint32_t> codes_of_text(const Column& values) {
  std::vector<std::uint32_t> code_of(values.categories.size());
  std::uint32_t next = 1;
  for (const std::size_t category : sorted_categories(values)) code_of[category] = next++;
  std::vector<std::uint32_t> codes;
  codes.reserve(values.codes.size());
  for (const std::int32_t code : values.codes)
    codes.push_back(code < 0 ? 0 : code_of[static_cast<std::size_t>(code)]);
  return codes;
}

std::vector<std::uint32_t> codes_of_numbers(const Column& values) {
  const std::vector<double> distinct = distinct_numbers(values);
  std::vector<std::uint32_t> codes;
  codes.reserve(values.numbers.size());
  for (const double x : values.numbers) {
    const auto at = std::lower_bound(distinct.begin(), distinct.end(), x) - distinct.begin();
    codes.push_back(std::isnan(x) ? 0 : static_cast<std::uint32_t>(at + 1));
  }
  return codes;
}

}  // namespace

void require_values(const Column& values, std::int64_t samples) {
  const auto count =
      static_cast<std::int64_t>(values.categorical ? values.codes.size() : values.numbers.size());
  if (count == 0) {
    throw InputError(
        "partition.by: value (or size) needs each training sample's value in TrainingData::values; "
        "load_splits fills it in when it is given the job's partition");
  }
  if (count != samples) {
    throw InputError(
        fmt::format("TrainingData::values: {} values for {} training samples", count, samples));
  }
  const auto categories = static_cast<std::int64_t>(values.categories.size());
  for (const std::int32_t code : values.codes) {
    if (code >= categories)
      throw InputError(fmt::format("TrainingData::values: code {} where there are {} categories",
                                   code, categories));
  }
}

SampleValues sample_values(const Column& values, std::uint64_t seed, bool hashed) {
  SampleValues result;
  result.codes = values.categorical ? codes_of_text(values) : codes_of_numbers(values);
  if (!hashed) return result;
  result.hashes.push_back(hash_of(missing_value, seed));
  for_each_value(values,
                 [&](std::string_view text) { result.hashes.push_back(hash_of(text, seed)); });
  return result;
}

Column token_counts(const Dataset& dataset) {
  constexpr std::int64_t at_once = 4096;
  if (dataset.spec().feature_shape.size() != 1) {
    throw InputError(
        "partition.by: size needs samples that are rows of tokens: a tokens step in preprocess");
  }
  Column counts;
  counts.name = "tokens";
  std::vector<std::int64_t> rows;
  for (std::int64_t first = 0; first < dataset.size(); first += at_once) {
    rows.resize(static_cast<std::size_t>(std::min(at_once, dataset.size() - first)));
    std::iota(rows.begin(), rows.end(), first);
    const torch::Tensor features = dataset.read(rows).features;
    const auto values = features.accessor<float, 2>();
    for (std::int64_t i = 0; i < features.size(0); ++i) {
      std::int64_t tokens = 0;
      while (tokens < features.size(1) && values[i][tokens] >= 0) ++tokens;
      counts.numbers.push_back(static_cast<double>(tokens));
    }
  }
  return counts;
}

std::vector<std::int64_t> sample_sizes(const Column& values) {
  constexpr double most = 2147483648.0;
  if (values.categorical) {
    throw InputError(fmt::format("partition.value: column {} is text; a size is a number",
                                 in_quotes(values.name)));
  }
  std::vector<std::int64_t> sizes;
  sizes.reserve(values.numbers.size());
  for (const double x : values.numbers) {
    if (!(x >= 0) || x > most) {
      throw InputError(
          fmt::format("partition.value: column {}, training sample {}: {} is no size of a sample",
                      in_quotes(values.name), sizes.size(),
                      std::isnan(x) ? "a missing value" : number_text(x)));
    }
    sizes.push_back(std::max<std::int64_t>(1, std::llround(std::ceil(x))));
  }
  return sizes;
}

std::vector<std::string> value_names(const Column& values) {
  std::vector<std::string> names = {"(missing)"};
  for_each_value(values, [&](std::string_view text) { names.emplace_back(text); });
  return names;
}

SampleValues values_looked_at(const PartitionOptions& partition, const Column& values,
                              std::int64_t samples, std::uint64_t seed) {
  const LooksAt what = looks_at(partition);
  if (what == LooksAt::nothing) return {};
  require_values(values, samples);
  if (what == LooksAt::sizes) return {{}, {}, sample_sizes(values)};
  return sample_values(values, seed, true);
}

}  // namespace convoy
