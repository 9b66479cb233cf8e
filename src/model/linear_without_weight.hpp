#pragma once
// What is left of a linear layer whose weight is elsewhere.
#include <torch/nn.h>

#include <functional>
#include <vector>

#include "convoy/lanes/lane.hpp"
#include "convoy/model/initialisation.hpp"

namespace convoy {

/// Adds the bias, if there is one. Draws the random numbers that torch::nn::Linear and `initialise`
/// draw for the weight, so that whatever is drawn after them is the same; of what it draws it keeps
/// the columns that are asked for.
struct LinearWithoutWeightImpl : torch::nn::Module {
  LinearWithoutWeightImpl(std::int64_t features, std::int64_t units, bool with_bias,
                          std::vector<Range> keep);
  torch::Tensor forward(const torch::Tensor& products);

  /// As convoy::initialise, by a kind that fills.
  void initialise(const InitialisationKind& kind);

  torch::Tensor bias;
  std::vector<torch::Tensor> kept;  ///< of each range [units, its size]

 private:
  void draw(const std::function<void(torch::Tensor)>& fill);
  void keep_drawn(std::int64_t at, const torch::Tensor& drawn);

  std::int64_t features_;
  std::int64_t units_;
  std::vector<Range> keep_;
};
TORCH_MODULE(LinearWithoutWeight);

}  // namespace convoy
