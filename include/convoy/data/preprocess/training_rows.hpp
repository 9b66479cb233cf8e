#pragma once
// The rows of a table's training split, as steps that are being fitted see them: all in memory, or
// read piece by piece.
#include <functional>
#include <memory>

#include "convoy/core/peers.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

class FittedStep;

/// Used by one thread at a time.
class TrainingRows {
 public:
  virtual ~TrainingRows() = default;

  /// The columns as the steps so far leave them: names and types, and perhaps rows.
  virtual Frame& head() = 0;

  /// How many rows the steps so far left.
  virtual std::int64_t size() const = 0;

  /// Reads the rows at these positions, front to back: `see` is given frames, and which rows of
  /// each are meant.
  using See = std::function<void(const Frame& frame, Range rows)>;
  virtual void read(Range positions, const See& see) = 0;

  /// The step changes the rows, and may drop some. Collective.
  virtual void add(const std::shared_ptr<const FittedStep>& step, Peers* peers) = 0;

  /// Why a step that needs all rows, or all their different values, at once cannot be fitted;
  /// empty: it can.
  virtual std::string too_large() const { return ""; }
};

}  // namespace convoy

#pragma GCC visibility pop
