#pragma once
// Losses by name: what `loss` may be. One file adds one (convoy/schema/registry.hpp). No libtorch
// in this header; what computes one includes convoy/core/tensor.hpp and libtorch's operations.
#include <functional>
#include <vector>

#include "convoy/core/tensor_names.hpp"
#include "convoy/data/dataset/spec.hpp"
#include "convoy/loss/options.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// (output of the model, Batch::target) -> a scalar with gradient: the mean over the samples. Of an
/// evaluation both are float64. Thread-safe.
using LossFunction = std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>;

struct LossKind : schema::Registration {
  std::vector<Task> tasks;  ///< that it fits
  /// Of options as the registration's, for such data; throws InputError where they cannot work.
  std::function<LossFunction(const schema::AnyOptions&, const DataSpec&)> make;
  std::vector<Task> automatic = {};  ///< of which `auto` means it
};

schema::Registry<LossKind>& losses();

/// Whether it fits.
bool fits_task(const LossKind& loss, Task task);

/// What `auto` means. Throws InputError where nothing does.
const LossKind& default_loss(Task task);

}  // namespace convoy

#pragma GCC visibility pop
