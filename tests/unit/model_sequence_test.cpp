// Layers on sequences: padding reaches no result, whatever else is in the batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/model/model.hpp"

namespace convoy {
namespace model_sequence_test {

using ::testing::HasSubstr;

constexpr std::int64_t longest_sample = 9;
constexpr std::int64_t known_tokens = 20;

DataSpec tokens_spec() {
  return {{longest_sample}, Task::classification, 3, {}, {}};
}

LayerOptions sequence_layer(const std::string& kind, std::int64_t units = 0,
                            const std::string& output = "sequence") {
  LayerOptions options;
  options.kind = kind;
  options.units = units;
  options.output = output;
  return options;
}

ModelOptions sequence_model(const std::vector<LayerOptions>& between) {
  ModelOptions model;
  model.kind = "layers";
  model.layers.push_back(sequence_layer("embedding", 8));
  model.layers.back().values = known_tokens;
  model.layers.insert(model.layers.end(), between.begin(), between.end());
  model.layers.push_back(sequence_layer("linear", 3));
  return model;
}

LayerOptions both_ways(LayerOptions options) {
  options.bidirectional = true;
  return options;
}

LayerOptions causal(LayerOptions options) {
  options.causal = true;
  return options;
}

std::vector<std::vector<LayerOptions>> sequence_models() {
  const auto layer = [](const char* kind, std::int64_t units = 0, const char* output = "sequence") {
    return sequence_layer(kind, units, output);
  };
  const LayerOptions mean = layer("pool_time", 0, "mean");
  return {
      {mean},
      {layer("pool_time", 0, "max")},
      {layer("pool_time", 0, "last")},
      {layer("gru", 5, "last")},
      {both_ways(layer("gru", 5, "last"))},
      {layer("gru", 5), layer("pool_time", 0, "max")},
      {both_ways(layer("lstm", 5)), layer("layer_norm"), mean},
      {layer("lstm", 5, "last")},
      {layer("positions"), layer("transformer"), layer("transformer", 11), mean},
      {layer("positions"), causal(layer("transformer")), layer("pool_time", 0, "last")},
  };
}

// Samples of 1 to 9 tokens, the first one without any.
torch::Tensor samples_of_all_lengths() {
  const LaneRandom random(5);
  torch::Tensor samples = torch::randint(0, known_tokens, {10, longest_sample}).to(torch::kFloat);
  for (std::int64_t i = 0; i < 10; ++i) samples[i].narrow(0, i, longest_sample - i).fill_(-1);
  return samples;
}

Network same_network(const ModelOptions& model) {
  const LaneRandom random(7);
  return build_model(model, tokens_spec())();
}

TEST(ModelSequence, ASampleGivesWhatItGivesAlone) {
  for (const auto& between : sequence_models()) {
    const ModelOptions model = sequence_model(between);
    const Network network = same_network(model);
    const torch::Tensor samples = samples_of_all_lengths();
    const torch::Tensor together = network.forward(samples);
    ASSERT_EQ(together.sizes(), (std::vector<std::int64_t>{10, 3}));
    for (std::int64_t i = 1; i < 10; ++i) {
      // As long as it is: nothing is padding.
      const torch::Tensor alone = network.forward(samples.narrow(0, i, 1).narrow(1, 0, i));
      EXPECT_TRUE(torch::allclose(together[i], alone[0], 1e-4, 1e-5))
          << between[0].kind << ", " << i << " tokens";
    }
  }
}

TEST(ModelSequence, GradientsKnowNothingOfPadding) {
  for (const auto& between : sequence_models()) {
    const ModelOptions model = sequence_model(between);
    const torch::Tensor samples = samples_of_all_lengths().narrow(0, 1, 9);
    const Network together = same_network(model);
    together.forward(samples).sum().backward();
    const Network one_by_one = same_network(model);
    for (std::int64_t i = 0; i < 9; ++i)
      one_by_one.forward(samples.narrow(0, i, 1).narrow(1, 0, i + 1)).sum().backward();
    const auto expected = one_by_one.module->named_parameters();
    for (const auto& parameter : together.module->named_parameters()) {
      EXPECT_TRUE(
          torch::allclose(parameter.value().grad(), expected[parameter.key()].grad(), 1e-3, 1e-4))
          << between[0].kind << ": " << parameter.key();
    }
  }
}

TEST(ModelSequence, CausalAttentionSeesNothingThatComesLater) {
  ModelOptions model = sequence_model(
      {causal(sequence_layer("transformer")), sequence_layer("pool_time", 0, "last")});
  const Network network = same_network(model);
  torch::Tensor samples = samples_of_all_lengths().narrow(0, 6, 1);
  const torch::Tensor first = network.forward(samples.narrow(1, 0, 4));
  samples = samples.narrow(1, 0, 6).clone();
  samples.narrow(1, 4, 2).fill_(-1);
  EXPECT_TRUE(torch::allclose(network.forward(samples), first, 1e-4, 1e-5));
}

TEST(ModelSequence, RowsOfAnImageAreASequenceToo) {
  ModelOptions model;
  model.kind = "layers";
  model.layers = {sequence_layer("lstm", 6, "last"), sequence_layer("linear", 3)};
  const Network network = build_model(model, {{28, 28}, Task::classification, 3, {}, {}})();
  EXPECT_EQ(network.forward(torch::rand({4, 28, 28})).sizes(), (std::vector<std::int64_t>{4, 3}));
}

TEST(ModelSequence, WhatDoesNotFitIsSaid) {
  const auto refused = [](const ModelOptions& model, const DataSpec& spec) -> std::string {
    try {
      build_model(model, spec);
      return "accepted";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  ModelOptions model;
  model.kind = "layers";
  model.layers = {sequence_layer("gru", 6, "last"), sequence_layer("linear", 3)};
  EXPECT_THAT(refused(model, tokens_spec()),
              HasSubstr("layer 0 (gru): needs sequences [length, numbers] (put an 'embedding'"));
  LayerOptions heads = sequence_layer("transformer");
  heads.heads = 3;
  EXPECT_THAT(
      refused(sequence_model({heads, sequence_layer("pool_time", 0, "mean")}), tokens_spec()),
      HasSubstr("8 numbers cannot be shared by 3 heads"));
  EXPECT_THAT(refused(sequence_model({sequence_layer("gru", 4)}), tokens_spec()),
              HasSubstr("needs flat samples"));
}

// An mlp on embedded tokens, without layers for sequences: padding is zeros.
TEST(ModelSequence, FlattenSeesPaddingAsZeros) {
  const ModelOptions model = sequence_model({sequence_layer("flatten")});
  const Network network = same_network(model);
  EXPECT_EQ(network.forward(samples_of_all_lengths()).sizes(), (std::vector<std::int64_t>{10, 3}));
}

}  // namespace model_sequence_test
}  // namespace convoy
