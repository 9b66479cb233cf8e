#pragma once
// What every Store refuses.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/core/error.hpp"

namespace convoy::store_limits {

constexpr std::size_t max_key = 4096;
constexpr std::size_t max_value = std::size_t{64} << 20;

inline const std::string& checked_key(const std::string& key) {
  if (key.empty() || key.size() > max_key) throw InputError("store: a key has 1 to 4,096 bytes");
  return key;
}

inline const std::string& checked_prefix(const std::string& prefix) {
  if (prefix.size() > max_key) throw InputError("store: a prefix has at most 4,096 bytes");
  return prefix;
}

inline const std::string& checked_value(const std::string& value) {
  if (value.size() > max_value) throw InputError("store: a value has at most 64 MiB");
  return value;
}

/// Such that a moment that much later exists.
inline Store::Duration bounded(Store::Duration timeout) {
  return std::clamp<Store::Duration>(timeout, Store::Duration(0), std::chrono::hours(24 * 365));
}

}  // namespace convoy::store_limits
