// The mean over samples and outputs of the squared distance.
#include <ATen/ops/mse_loss.h>

#include "convoy/core/tensor.hpp"
#include "convoy/loss/loss_kind.hpp"

namespace convoy {
namespace {

const schema::Registered squared_error_kind(
    losses(),
    LossKind{{.name = "squared_error",
              .doc = "the mean over outputs of the squared distance from the target; regression"},
             {Task::regression},
             [](const schema::AnyOptions&, const DataSpec&) -> LossFunction {
               return [](const torch::Tensor& output, const torch::Tensor& target) {
                 return at::mse_loss(output, target);
               };
             },
             {Task::regression}});

}  // namespace
}  // namespace convoy
