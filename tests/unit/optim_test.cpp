#include <gtest/gtest.h>
#include <torch/torch.h>

#include "convoy/core/error.hpp"
#include "convoy/optim/optimizer.hpp"
#include "convoy/optim/schedule.hpp"

namespace convoy {
namespace optim_test {

constexpr std::int64_t size = 10007;  // not a multiple of any vector

// Runs 40 steps of ours and of libtorch's on the same gradients and compares the weights after
// each.
template <class TorchOptimizer, class TorchOptions>
void expect_equal_steps(const OptimizerOptions& options, const TorchOptions& torch_options) {
  torch::manual_seed(1);
  const auto optimizer = make_optimizer(options);
  torch::Tensor ours = torch::randn({size});
  torch::Tensor theirs = ours.clone().set_requires_grad(true);
  TorchOptimizer reference({theirs}, torch_options);
  std::vector<torch::Tensor> state;
  std::vector<float*> pointers;
  for (int k = 0; k < optimizer->states(); ++k) state.push_back(torch::zeros({size}));
  for (auto& s : state) pointers.push_back(s.data_ptr<float>());
  for (int step = 0; step < 40; ++step) {
    const torch::Tensor gradient = torch::randn({size}) * std::pow(10.0, step % 5 - 2);
    theirs.mutable_grad() = gradient.clone();
    reference.step();
    optimizer->update(ours.data_ptr<float>(), gradient.data_ptr<float>(), pointers, size,
                      {.step = step, .rate = options.rate});
    // Rounding alone may tell them apart: libtorch's loops multiply and add in one operation where
    // they can.
    const float difference = (ours - theirs.detach()).abs().max().item<float>();
    ASSERT_LE(difference, 1e-6f * theirs.detach().abs().max().item<float>()) << "step " << step;
  }
}

TEST(Optimizers, SgdEqualsLibtorch) {
  expect_equal_steps<torch::optim::SGD>({.kind = "sgd", .rate = 0.01},
                                        torch::optim::SGDOptions(0.01));
  expect_equal_steps<torch::optim::SGD>(
      {.kind = "sgd", .rate = 0.01, .own = SgdOptions{.momentum = 0.9, .weight_decay = 0.01}},
      torch::optim::SGDOptions(0.01).momentum(0.9).weight_decay(0.01));
  expect_equal_steps<torch::optim::SGD>(
      {.kind = "sgd",
       .rate = 0.01,
       .own = SgdOptions{.momentum = 0.9, .nesterov = true, .weight_decay = 0.01}},
      torch::optim::SGDOptions(0.01).momentum(0.9).nesterov(true).weight_decay(0.01));
}

TEST(Optimizers, AdamEqualsLibtorch) {
  expect_equal_steps<torch::optim::Adam>({.kind = "adam", .rate = 0.003},
                                         torch::optim::AdamOptions(0.003));
  expect_equal_steps<torch::optim::Adam>(
      {.kind = "adam",
       .rate = 0.003,
       .own = AdamOptions{.weight_decay = 0.1, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6}},
      torch::optim::AdamOptions(0.003).weight_decay(0.1).betas({0.8, 0.99}).eps(1e-6));
}

TEST(Optimizers, AdamWEqualsLibtorch) {
  expect_equal_steps<torch::optim::AdamW>(
      {.kind = "adamw", .rate = 0.003, .own = AdamOptions{.weight_decay = 0.1}},
      torch::optim::AdamWOptions(0.003).weight_decay(0.1));
}

TEST(Optimizers, APieceGetsTheBitsOfTheWhole) {
  for (const auto& [kind, registered] : optimizers().all()) {
    const auto optimizer = make_optimizer({.kind = kind, .rate = 0.1});
    const torch::Tensor gradient = torch::randn({size});
    torch::Tensor whole = torch::randn({size});
    torch::Tensor pieces = whole.clone();
    for (const bool in_pieces : {false, true}) {
      torch::Tensor& w = in_pieces ? pieces : whole;
      std::vector<torch::Tensor> state(optimizer->states(), torch::Tensor());
      for (auto& s : state) s = torch::zeros({size});
      for (std::int64_t begin = 0; begin < size; begin += in_pieces ? 17 : size) {
        std::vector<float*> at;
        for (auto& s : state) at.push_back(s.data_ptr<float>() + begin);
        optimizer->update(w.data_ptr<float>() + begin, gradient.data_ptr<float>() + begin, at,
                          std::min<std::int64_t>(in_pieces ? 17 : size, size - begin),
                          {.rate = 0.1, .gradient_scale = 0.3f});
      }
    }
    EXPECT_TRUE(torch::equal(whole, pieces)) << kind;
  }
}

TEST(Optimizers, ClipByValue) {
  const auto optimizer = make_optimizer({.kind = "sgd"});
  float weight[3] = {0, 0, 0};
  const float gradient[3] = {5, -5, 0.25f};
  optimizer->update(weight, gradient, {}, 3, {.rate = 1, .clip_value = 0.5f});
  EXPECT_EQ(weight[0], -0.5f);
  EXPECT_EQ(weight[1], 0.5f);
  EXPECT_EQ(weight[2], -0.25f);
}

TEST(Optimizers, UnknownKindIsRefused) {
  EXPECT_THROW(make_optimizer({.kind = "sdg"}), InputError);
}

TEST(Schedules, WarmUpThenShape) {
  ScheduleOptions cosine{.kind = "cosine", .warmup = 10, .own = DecayOptions{.floor = 0.1}};
  EXPECT_DOUBLE_EQ(scheduled_rate(cosine, 1, 0, 110, 10), 0.1);
  EXPECT_DOUBLE_EQ(scheduled_rate(cosine, 1, 9, 110, 10), 1);
  EXPECT_DOUBLE_EQ(scheduled_rate(cosine, 1, 10, 110, 10), 1);
  EXPECT_NEAR(scheduled_rate(cosine, 1, 60, 110, 10), 0.55, 1e-12);
  EXPECT_NEAR(scheduled_rate(cosine, 1, 110, 110, 10), 0.1, 1e-12);
  ScheduleOptions step{.kind = "step", .own = StepDecayOptions{.every = 2, .factor = 0.5}};
  EXPECT_DOUBLE_EQ(scheduled_rate(step, 1, 19, 100, 10), 1);
  EXPECT_DOUBLE_EQ(scheduled_rate(step, 1, 20, 100, 10), 0.5);
  EXPECT_DOUBLE_EQ(scheduled_rate(step, 1, 40, 100, 10), 0.25);
  EXPECT_DOUBLE_EQ(scheduled_rate({.kind = "linear"}, 2, 50, 100, 10), 1);
}

}  // namespace optim_test
}  // namespace convoy
