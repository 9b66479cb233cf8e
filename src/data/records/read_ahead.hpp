#pragma once
// Datasets that can be told what will be read next.
#include "convoy/lanes/lane.hpp"

namespace convoy {

/// A dataset may be one of these too. Thread-safe.
class ReadsAhead {
 public:
  virtual ~ReadsAhead() = default;
  /// These samples will be read soon, in any order. Does not wait for them.
  virtual void read_ahead(Range samples) const = 0;
};

}  // namespace convoy
