#include "convoy/model/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/loss/loss.hpp"
#include "convoy/model/layer_options.hpp"

namespace convoy {
namespace model_test {

using ::testing::HasSubstr;

DataSpec spec_of(std::vector<std::int64_t> shape, Task task = Task::classification,
                 std::int64_t outputs = 10) {
  return {std::move(shape), task, outputs, {}, {}};
}

std::string refusal(const ModelOptions& options, const DataSpec& spec) {
  try {
    build_model(options, spec);
    return "accepted";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(Model, MlpAndCnnFitTheData) {
  const ModelOptions mlp{.kind = "mlp", .own = MlpOptions{.hidden = {512, 512}}};
  const Network network = build_model(mlp, spec_of({784}))();
  EXPECT_EQ(network.forward(torch::rand({3, 784})).sizes(), (std::vector<std::int64_t>{3, 10}));
  std::int64_t count = 0;
  for (const auto& parameter : network.module->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10);

  const ModelOptions cnn{.kind = "cnn", .own = CnnOptions{.batch_norm = true, .dropout = 0.5}};
  EXPECT_EQ(build_model(cnn, spec_of({1, 28, 28}))().forward(torch::rand({2, 1, 28, 28})).size(1),
            10);
}

TEST(Model, EveryLayerKindRuns) {
  LayersOptions list{{{"conv", ConvOptions{.channels = 4}},
                      {"batch_norm"},
                      {"relu"},
                      {"max_pool", PoolOptions{.kernel = 2}},
                      {"layer_norm"}}};
  for (const char* kind : {"gelu", "tanh", "sigmoid", "silu", "leaky_relu", "elu", "softplus",
                           "dropout", "global_avg_pool", "flatten"})
    list.layers.push_back({kind});
  list.layers.push_back({"linear", LinearOptions{.units = 10}});
  const ModelOptions options{.kind = "layers", .own = list};
  EXPECT_EQ(
      build_model(options, spec_of({3, 16, 16}))().forward(torch::rand({2, 3, 16, 16})).size(1),
      10);
}

TEST(Model, SaysWhichLayerDoesNotFit) {
  ModelOptions cnn;
  cnn.kind = "cnn";
  EXPECT_THAT(refusal(cnn, spec_of({13})), HasSubstr("layer 0 (conv): needs images"));
  EXPECT_THAT(refusal(cnn, spec_of({13})), HasSubstr("[13]"));
  const auto relu_and_linear = [](std::int64_t units) {
    return ModelOptions{
        .kind = "layers",
        .own = LayersOptions{{{"relu"}, {"linear", LinearOptions{.units = units}}}}};
  };
  EXPECT_THAT(refusal(relu_and_linear(10), spec_of({1, 28, 28})),
              HasSubstr("layer 1 (linear): needs flat samples"));
  EXPECT_THAT(refusal(relu_and_linear(7), spec_of({5})), HasSubstr("linear: 10"));
  cnn.own.edit<CnnOptions>().channels = {8, 8, 8, 8, 8, 8};
  EXPECT_THAT(refusal(cnn, spec_of({1, 28, 28})), HasSubstr("does not fit"));
}

TEST(Model, InitialisationByName) {
  const auto make = [](const std::string& init) {
    const ModelOptions options{.kind = "mlp", .own = MlpOptions{.hidden = {400}}, .init = init};
    const LaneRandom random(1);
    return build_model(options, spec_of({300}))().module->parameters()[0].detach();
  };
  EXPECT_TRUE(torch::equal(make("kaiming_normal"), make("kaiming_normal")));
  EXPECT_NEAR(make("kaiming_normal").std().item<float>(), std::sqrt(2.0 / 300), 2e-3);
  EXPECT_NEAR(make("xavier_normal").std().item<float>(), std::sqrt(2.0 / 700), 2e-3);
  EXPECT_NEAR(make("xavier_uniform").abs().max().item<float>(), std::sqrt(6.0 / 700), 1e-3);
  EXPECT_NEAR(make("kaiming_uniform").abs().max().item<float>(), std::sqrt(6.0 / 300), 1e-3);
  EXPECT_NEAR(make("normal").std().item<float>(), 0.01, 1e-4);
  EXPECT_EQ(make("zeros").abs().max().item<float>(), 0);
}

TEST(Loss, ByNameAndByTask) {
  const auto output = torch::tensor({{0.2f, -0.3f}, {1.5f, 0.5f}});
  EXPECT_NEAR(make_loss("auto", spec_of({2}, Task::classification, 2))
                  .mean(output, torch::tensor({0, 1}))
                  .item<double>(),
              0.5 * (std::log(1 + std::exp(-0.5)) + std::log(1 + std::exp(1.0))), 1e-6);
  EXPECT_NEAR(make_loss("squared_error", spec_of({2}, Task::regression, 2))
                  .mean(output, torch::zeros({2, 2}))
                  .item<double>(),
              (0.04 + 0.09 + 2.25 + 0.25) / 4, 1e-6);
  EXPECT_NEAR(make_loss("log_loss", spec_of({2}, Task::binary, 1))
                  .mean(torch::tensor({{2.0f}, {-1.0f}}), torch::tensor({{1.0f}, {1.0f}}))
                  .item<double>(),
              0.5 * (std::log(1 + std::exp(-2.0)) + std::log(1 + std::exp(1.0))), 1e-6);
  EXPECT_THROW(make_loss("log_loss", spec_of({2})), InputError);
}

}  // namespace model_test
}  // namespace convoy
