// Declared in convoy/model/layer.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "convoy/core/error.hpp"
#include "convoy/model/layer.hpp"

namespace convoy {

void require_dimensions(const Shape& shape, std::size_t dimensions, std::string_view needs) {
  if (shape.size() == dimensions) return;
  throw InputError(
      fmt::format("needs {}, gets samples of shape [{}]", needs, fmt::join(shape, ", ")));
}

void require_sequence(const Shape& shape) {
  require_dimensions(shape, 2, "sequences [length, numbers] (put an 'embedding' layer before it)");
}

}  // namespace convoy
