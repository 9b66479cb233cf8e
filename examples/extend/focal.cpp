// A loss: the focal loss (Lin et al. 2017, "Focal Loss for Dense Object Detection"): cross entropy,
// in which a sample counts the less the surer the model is of the right answer.
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/expm1.h>

#include <convoy/core/tensor.hpp>
#include <convoy/loss/loss_kind.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("focal", "1.0")

namespace {

namespace schema = convoy::schema;

struct FocalOptions {
  double gamma = 2;
};

void describe(schema::Visitor& v, FocalOptions& o) {
  v.key("gamma", o.gamma, schema::at_least(0), "how much less; 0: cross entropy");
}

// Of each sample.
at::Tensor cross_entropies(const at::Tensor& output, const at::Tensor& target, convoy::Task task) {
  if (task == convoy::Task::binary)
    return at::binary_cross_entropy_with_logits(output, target, {}, {}, at::Reduction::None);
  return at::cross_entropy_loss(output, target, {}, at::Reduction::None);
}

convoy::LossFunction make_focal(const schema::AnyOptions& options, const convoy::DataSpec& spec) {
  const double gamma = options.as<FocalOptions>().gamma;
  return [gamma, task = spec.task](const at::Tensor& output, const at::Tensor& target) {
    const at::Tensor entropies = cross_entropies(output, target, task);
    // 1 - the probability of the right answer. Above zero: there the power has no derivative.
    const at::Tensor doubts = at::expm1(-entropies).neg().clamp_min(1e-12);
    return doubts.pow(gamma).mul(entropies).mean();
  };
}

const schema::Registered focal(
    convoy::losses(),
    convoy::LossKind{{.name = "focal",
                      .doc = "cross entropy in which samples count less that are right already",
                      .options = FocalOptions{}},
                     {convoy::Task::classification, convoy::Task::binary},
                     make_focal});

}  // namespace
