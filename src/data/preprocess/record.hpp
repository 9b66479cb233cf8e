#pragma once
// What records of fitted steps are asked for: they come from model files, so nothing in them is
// believed unseen.
#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace convoy {

/// A member of a record; a value of its type without content where it lacks. Throws nlohmann's
/// exceptions for one of another type.
template <typename T>
T recorded(const nlohmann::ordered_json& record, const char* name) {
  return record.value(name, T{});
}

inline bool are_finite(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
}

inline bool can_divide(const std::vector<double>& numbers) {
  return are_finite(numbers) && std::find(numbers.begin(), numbers.end(), 0.0) == numbers.end();
}

/// Whether each list ascends; `strictly`: without equal neighbours.
template <typename T>
bool ascend(const std::vector<std::vector<T>>& lists, bool strictly) {
  return std::all_of(lists.begin(), lists.end(), [&](const std::vector<T>& list) {
    return strictly
               ? std::adjacent_find(list.begin(), list.end(), std::greater_equal<>()) == list.end()
               : std::is_sorted(list.begin(), list.end());
  });
}

}  // namespace convoy
