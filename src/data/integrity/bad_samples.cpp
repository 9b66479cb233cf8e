#include "data/integrity/bad_samples.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

/// 12,345, whatever the locale.
std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

}  // namespace

void BadSamples::add(const std::vector<BadRow>& rows) {
  for (const BadRow& row : rows) add(row.row, row.problem);
}

std::vector<std::int64_t> BadSamples::numbers() const {
  std::vector<std::int64_t> numbers;
  numbers.reserve(problems_.size());
  for (const auto& [sample, problem] : problems_) numbers.push_back(sample);
  return numbers;
}

std::vector<std::pair<std::int64_t, std::string>> BadSamples::within(std::int64_t begin,
                                                                     std::int64_t end) const {
  return {problems_.lower_bound(begin), problems_.lower_bound(end)};
}

std::vector<std::int64_t> BadSamples::others(std::int64_t n) const {
  std::vector<std::int64_t> others;
  others.reserve(static_cast<std::size_t>(n));
  auto bad = problems_.begin();
  for (std::int64_t sample = 0; sample < n; ++sample) {
    if (bad != problems_.end() && bad->first == sample)
      ++bad;
    else
      others.push_back(sample);
  }
  return others;
}

std::string BadSamples::summary(const std::string& file, std::int64_t n) const {
  constexpr std::size_t most_named = 10;
  std::string list;
  std::size_t named = 0;
  for (auto at = problems_.begin(); at != problems_.end() && named < most_named; ++at, ++named)
    list += fmt::format("{}{}", named > 0 ? ", " : "", at->first);
  if (problems_.size() > named)
    list += fmt::format(" and {} more",
                        with_commas(static_cast<std::int64_t>(problems_.size() - named)));
  return fmt::format("{}: {} of {} samples left out: {}; the first: {}", file, with_commas(size()),
                     with_commas(n), list, problems_.begin()->second);
}

void BadSamples::require_few(const std::string& file, std::int64_t n, double most) const {
  if (empty()) return;
  const bool all = size() == n;
  if (!all && static_cast<double>(size()) <= most * static_cast<double>(n)) return;
  throw DataError(file, fmt::format("{} of {} samples cannot be read{}; the first: {}",
                                    with_commas(size()), with_commas(n),
                                    all ? ""
                                        : fmt::format(", more than the part of {} that "
                                                      "data.max_bad_samples allows",
                                                      most),
                                    problems_.begin()->second));
}

}  // namespace convoy
