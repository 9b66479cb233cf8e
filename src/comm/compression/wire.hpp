#pragma once
// What all codecs ask of bytes that came from elsewhere.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "convoy/core/error.hpp"

namespace convoy {

inline void require_bytes(std::string_view codec, std::size_t are, std::size_t wanted) {
  if (are == wanted) return;
  throw InputError(
      fmt::format("{}: {} bytes are not the {} of so many values", codec, are, wanted));
}

/// Reads and writes of memory that may lie at any address.
template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void store(std::byte* into, T value) {
  std::memcpy(into, &value, sizeof(T));
}

}  // namespace convoy
