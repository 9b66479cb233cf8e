// Binary cross-entropy on logits.
#include <ATen/ops/binary_cross_entropy_with_logits.h>

#include "convoy/core/tensor.hpp"
#include "convoy/loss/loss_kind.hpp"

namespace convoy {
namespace {

const schema::Registered log_loss_kind(
    losses(), LossKind{{.name = "log_loss", .doc = "cross-entropy of a yes or no; binary"},
                       {Task::binary},
                       [](const schema::AnyOptions&, const DataSpec&) -> LossFunction {
                         return [](const torch::Tensor& output, const torch::Tensor& target) {
                           return at::binary_cross_entropy_with_logits(output, target);
                         };
                       },
                       {Task::binary}});

}  // namespace
}  // namespace convoy
