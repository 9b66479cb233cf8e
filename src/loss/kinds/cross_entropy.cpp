// Softmax and negative log likelihood.
#include <ATen/ops/cross_entropy_loss.h>

#include "convoy/core/tensor.hpp"
#include "convoy/loss/loss_kind.hpp"

namespace convoy {
namespace {

const schema::Registered cross_entropy_kind(
    losses(), LossKind{{.name = "cross_entropy",
                        .doc = "softmax and negative log likelihood of the class; classification"},
                       {Task::classification},
                       [](const schema::AnyOptions&, const DataSpec&) -> LossFunction {
                         return [](const torch::Tensor& output, const torch::Tensor& target) {
                           return at::cross_entropy_loss(output, target);
                         };
                       },
                       {Task::classification}});

}  // namespace
}  // namespace convoy
