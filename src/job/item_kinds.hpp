#pragma once
// Lists of the job whose items are of different kinds: steps, changes of images, layers.
#include <vector>

#include "convoy/job/job.hpp"
#include "convoy/schema/items.hpp"

namespace convoy::schema {

inline constexpr double max_lanes = 4096;  // no real job reaches it

std::vector<KindOf<LayerOptions>> layer_kinds();

}  // namespace convoy::schema
