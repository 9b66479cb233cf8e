#pragma once
// How weights start, by name: what `model.init` may be. One file adds one
// (convoy/schema/registry.hpp). No libtorch in this header.
#include <cstdint>
#include <functional>

#include "convoy/core/tensor_names.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// How many numbers of a layer's input reach one of its output, and the reverse.
struct Fans {
  std::int64_t in = 0;
  std::int64_t out = 0;
};

/// Options are not looked at: `model.init` is a name alone.
struct InitialisationKind : schema::Registration {
  /// Fills a weight of two or more dimensions, or, where features are partitioned by column, one
  /// piece of it after the other, row by row; random numbers come from libtorch's default
  /// generator. Null: weights stay as the modules' constructors made them.
  std::function<void(at::Tensor& weight, const Fans&)> fill = nullptr;
};

schema::Registry<InitialisationKind>& initialisations();

}  // namespace convoy

#pragma GCC visibility pop
