#pragma once
// What convolutions and pooling share.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "convoy/core/error.hpp"
#include "convoy/model/layer.hpp"

namespace convoy {

inline void require_images(const Shape& shape) {
  require_dimensions(shape, 3, "images [channels, height, width]");
}

/// A window that slides along height and width: `shape` becomes that of its positions.
inline void slide(Shape& shape, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  for (const std::size_t dim : {1, 2}) {
    const std::int64_t extent = shape[dim] + 2 * padding;
    if (extent < kernel) {
      throw InputError(fmt::format("its window of {} does not fit samples of shape [{}]", kernel,
                                   fmt::join(shape, ", ")));
    }
    shape[dim] = (extent - kernel) / stride + 1;
  }
}

}  // namespace convoy
