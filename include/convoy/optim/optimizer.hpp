#pragma once
// Optimizers as fused flat loops: one pass over a piece of the parameters reads the gradient,
// updates the state and the weights. Each element depends on its own history alone, so any owner of
// any piece computes the same bits.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convoy/compute/update.hpp"
#include "convoy/optim/options.hpp"

namespace convoy {

/// Element-wise optimizer over flat arrays. Equal to libtorch's SGD, Adam and AdamW (tested step by
/// step).
class Optimizer : public UpdateRule {};

/// By `kind`: sgd (with momentum, Nesterov, weight decay), adam (Kingma & Ba 2015, L2 weight
/// decay), adamw (Loshchilov & Hutter 2019, decoupled). Throws InputError for anything else.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options);

}  // namespace convoy
