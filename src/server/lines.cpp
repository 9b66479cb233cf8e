#include "server/lines.hpp"

#include <algorithm>
#include <cstring>

#include "server/wire.hpp"

namespace convoy::server {
namespace {

struct Piece {
  std::size_t first;  // float
  std::size_t count;
};

// A run's floats in an array of `size`; the last line may be short.
Piece piece_of(std::uint64_t run, std::size_t size) {
  const std::uint64_t first = (run >> 32) * line_floats;
  const std::uint64_t end = first + (run & 0xffffffff) * line_floats;
  if (first >= size || end <= first || end >= size + line_floats)
    throw RequestError("lines beyond the end of their array");
  return {static_cast<std::size_t>(first), std::min<std::size_t>(end, size) - first};
}

}  // namespace

ChosenLines choose_lines(std::int64_t count, const std::function<bool(std::int64_t)>& counts) {
  ChosenLines chosen;
  std::int64_t lines = 0;
  for (std::int64_t line = 0; line < count; ++line) {
    if (!counts(line)) continue;
    ++lines;
    const bool goes_on = !chosen.runs.empty() &&
                         static_cast<std::int64_t>(chosen.runs.back() >> 32) +
                                 static_cast<std::int64_t>(chosen.runs.back() & 0xffffffff) ==
                             line;
    if (goes_on)
      ++chosen.runs.back();
    else
      chosen.runs.push_back((static_cast<std::uint64_t>(line) << 32) | 1);
  }
  chosen.fewer = lines * 4 <= count * 3 && chosen.runs.size() <= Limits::rows;
  return chosen;
}

ChosenLines nonzero_lines(std::span<const float> values) {
  static constexpr float zeros[line_floats] = {};
  const auto size = static_cast<std::int64_t>(values.size());
  return choose_lines(lines_of(size), [&](std::int64_t line) {
    const std::int64_t first = line * line_floats;
    const auto bytes =
        static_cast<std::size_t>(std::min(line_floats, size - first)) * sizeof(float);
    return std::memcmp(values.data() + first, zeros, bytes) != 0;
  });
}

void gather_lines(const LineRuns& runs, std::span<const float> values, std::vector<float>& packed) {
  packed.clear();
  for (const std::uint64_t run : runs) {
    const Piece piece = piece_of(run, values.size());
    const float* from = values.data() + piece.first;
    packed.insert(packed.end(), from, from + piece.count);
  }
}

void scatter_lines(const LineRuns& runs, std::span<const float> packed, std::span<float> values) {
  std::size_t total = 0;
  std::size_t end = 0;
  for (const std::uint64_t run : runs) {
    const Piece piece = piece_of(run, values.size());
    if (piece.first < end) throw RequestError("lines that are out of order");
    end = piece.first + piece.count;
    total += piece.count;
  }
  if (total != packed.size()) throw RequestError("lines and values that do not fit each other");
  const float* from = packed.data();
  for (const std::uint64_t run : runs) {
    const Piece piece = piece_of(run, values.size());
    std::copy_n(from, piece.count, values.data() + piece.first);
    from += piece.count;
  }
}

}  // namespace convoy::server
