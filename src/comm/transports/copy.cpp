#include "comm/transports/copy.hpp"

#include <cstdint>
#include <cstring>

#include "core/vectorise.hpp"

namespace convoy {
namespace {

// The attribute keeps the compiler from turning the loop back into a call of memcpy.
CONVOY_VECTORISE __attribute__((optimize("no-tree-loop-distribute-patterns"))) void copy_lines(
    std::byte* __restrict to, const std::byte* __restrict from, std::size_t lines) {
  for (std::size_t i = 0; i < lines * 64; ++i) to[i] = from[i];
}

CONVOY_VECTORISE void add_loop(float* __restrict into, const float* __restrict from,
                               std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) into[i] += from[i];
}

}  // namespace

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  constexpr std::size_t line = 64;
  constexpr std::size_t small = 1024;  // memcpy does not use rep movsb below 2 KiB
  if (bytes < small) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return;
  }
  const std::size_t lines = bytes / line;
  copy_lines(to, from, lines);
  if (bytes % line != 0) std::memcpy(to + lines * line, from + lines * line, bytes % line);
}

void add_floats(std::byte* into, const std::byte* from, std::size_t bytes) {
  add_loop(reinterpret_cast<float*>(into), reinterpret_cast<const float*>(from),
           bytes / sizeof(float));
}

}  // namespace convoy
