#include "convoy/lanes/lane.hpp"

#include <algorithm>

namespace convoy {

Range even_part(std::int64_t count, std::int64_t parts, std::int64_t part) {
  const std::int64_t base = count / parts;
  const std::int64_t longer = count % parts;  // the first `longer` parts hold one more
  const std::int64_t begin = part * base + std::min(part, longer);
  return {begin, begin + base + (part < longer ? 1 : 0)};
}

std::vector<Range> even_ownership(std::int64_t lanes, std::int64_t owners) {
  std::vector<Range> map;
  for (std::int64_t owner = 0; owner < owners; ++owner)
    map.push_back(even_part(lanes, owners, owner));
  return map;
}

std::vector<std::int64_t> lane_positions(std::int64_t batch, std::int64_t lanes, std::int64_t lane,
                                         bool cyclic) {
  std::vector<std::int64_t> positions;
  if (cyclic) {
    for (std::int64_t i = lane; i < batch; i += lanes) positions.push_back(i);
    return positions;
  }
  const Range slice = even_part(batch, lanes, lane);
  for (std::int64_t i = slice.begin; i < slice.end; ++i) positions.push_back(i);
  return positions;
}

}  // namespace convoy
