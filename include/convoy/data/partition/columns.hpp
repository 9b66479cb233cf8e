#pragma once
// partition.by: column. The features are cut into parts of neighbouring ones, as many whatever the
// number of workers; each worker has some of the parts and never sees the features of the others.
#include <vector>

#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct ColumnPartition {
  std::vector<Range> parts;    ///< the features of each part: one after the other, all of them
  std::vector<Range> workers;  ///< by worker: its parts; none is without
  int worker = 0;              ///< this one

  std::int64_t features() const { return parts.empty() ? 0 : parts.back().end; }
  /// Numbers of this worker's parts, and its features.
  Range own_parts() const { return workers[static_cast<std::size_t>(worker)]; }
  Range own_features() const {
    const Range own = own_parts();
    return {parts[static_cast<std::size_t>(own.begin)].begin,
            parts[static_cast<std::size_t>(own.end - 1)].end};
  }
};

/// Throws InputError when there are fewer parts than workers, or fewer columns (`of`: how many
/// things are to be cut) than parts.
void require_enough_parts(std::int64_t parts, int workers, std::int64_t of);

}  // namespace convoy

#pragma GCC visibility pop
