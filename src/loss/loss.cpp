#include "convoy/loss/loss.hpp"

#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/mse_loss.h>
#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "data/splits/target.hpp"

namespace convoy {
namespace {

std::string_view loss_of(Task task) {
  switch (task) {
    case Task::classification:
      return "cross_entropy";
    case Task::binary:
      return "log_loss";
    case Task::regression:
      return "squared_error";
  }
  throw InputError("loss: unknown task");
}

}  // namespace

Loss make_loss(const std::string& name, const DataSpec& spec) {
  const std::string_view fitting = loss_of(spec.task);
  if (name != "auto" && name != fitting) {
    throw InputError(fmt::format("loss: '{}' does not fit the task '{}' of the data; use '{}'",
                                 name, name_of(spec.task), fitting));
  }
  const std::string chosen(name == "auto" ? fitting : name);
  if (chosen == "cross_entropy") {
    return {chosen, [](const torch::Tensor& output, const torch::Tensor& target) {
              return at::cross_entropy_loss(output, target);
            }};
  }
  if (chosen == "log_loss") {
    return {chosen, [](const torch::Tensor& output, const torch::Tensor& target) {
              return at::binary_cross_entropy_with_logits(output, target);
            }};
  }
  return {chosen, [](const torch::Tensor& output, const torch::Tensor& target) {
            return at::mse_loss(output, target);
          }};
}

}  // namespace convoy
