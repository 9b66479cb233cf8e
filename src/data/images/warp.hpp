#pragma once
// Images drawn anew from other places of themselves.
#include "convoy/data/images/augment.hpp"

namespace convoy {

/// Pixel (x, y) becomes what was at (ax + by + c, dx + ey + f), in pixels from the corner, between
/// pixels in proportion (bilinear); black outside.
struct PixelMap {
  double a, b, c, d, e, f;
};

void warp(const Canvas& canvas, const PixelMap& map);

}  // namespace convoy
