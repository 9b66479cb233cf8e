#include "data/images/warp.hpp"

#include <algorithm>
#include <cmath>

namespace convoy {
namespace {

float bilinear(const Canvas& canvas, std::int64_t channel, double x, double y) {
  const double left = std::floor(x);
  const double top = std::floor(y);
  const auto at = [&](double column, double line) -> double {
    if (column < 0 || line < 0 || column >= static_cast<double>(canvas.width) ||
        line >= static_cast<double>(canvas.height))
      return 0;
    return canvas.row(channel, static_cast<std::int64_t>(line))[static_cast<std::int64_t>(column)];
  };
  const double across = x - left;
  const double down = y - top;
  return static_cast<float>(
      (at(left, top) * (1 - across) + at(left + 1, top) * across) * (1 - down) +
      (at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across) * down);
}

}  // namespace

void warp(const Canvas& canvas, const PixelMap& map) {
  std::vector<float> out(canvas.values.size());
  std::size_t next = 0;
  for (std::int64_t c = 0; c < canvas.channels; ++c) {
    for (std::int64_t y = 0; y < canvas.height; ++y) {
      for (std::int64_t x = 0; x < canvas.width; ++x) {
        const double right = static_cast<double>(x) + 0.5;
        const double down = static_cast<double>(y) + 0.5;
        out[next++] = bilinear(canvas, c, map.a * right + map.b * down + map.c - 0.5,
                               map.d * right + map.e * down + map.f - 0.5);
      }
    }
  }
  std::copy(out.begin(), out.end(), canvas.values.begin());
}

}  // namespace convoy
