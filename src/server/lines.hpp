#pragma once
// Arrays of which little is to travel (gradients of embeddings, weights that few updates touched):
// only the lines that count, a line being 16 floats, as weights are laid out. Nothing is lost by
// it.
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace convoy::server {

constexpr std::int64_t line_floats = 16;

inline std::int64_t lines_of(std::int64_t floats) {
  return (floats + line_floats - 1) / line_floats;
}

/// Runs of neighbouring lines, in order: the first one's number times 2^32, plus how many.
using LineRuns = std::vector<std::uint64_t>;

/// The lines of `count` for which `counts` says so. `fewer` is whether sending only those is worth
/// while: they are at most three quarters of all.
struct ChosenLines {
  LineRuns runs;
  bool fewer = false;
};
ChosenLines choose_lines(std::int64_t count, const std::function<bool(std::int64_t)>& counts);

/// Lines with any bit set (-0 too).
ChosenLines nonzero_lines(std::span<const float> values);

/// These lines of `values`, one after the other.
void gather_lines(const LineRuns& runs, std::span<const float> values, std::vector<float>& packed);

/// The reverse; other lines stay. Throws RequestError when runs, packed and values do not fit.
void scatter_lines(const LineRuns& runs, std::span<const float> packed, std::span<float> values);

}  // namespace convoy::server
