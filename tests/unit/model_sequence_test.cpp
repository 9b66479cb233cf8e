// Layers on sequences: padding reaches no result, whatever else is in the batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/model/model.hpp"

namespace convoy {
namespace model_sequence_test {

using ::testing::HasSubstr;

constexpr std::int64_t longest_sample = 9;
constexpr std::int64_t known_tokens = 20;

DataSpec tokens_spec() {
  return {{longest_sample}, Task::classification, 3, {}, {}};
}

ModelOptions listed(std::vector<LayerOptions> layers) {
  return {.kind = "layers", .own = LayersOptions{std::move(layers)}};
}

LayerOptions recurrent(const std::string& kind, std::int64_t units,
                       const std::string& output = "sequence", bool bidirectional = false) {
  return {kind, RecurrentOptions{.units = units, .bidirectional = bidirectional, .output = output}};
}

LayerOptions pool_time(const std::string& output) {
  return {"pool_time", PoolTimeOptions{.output = output}};
}

LayerOptions linear(std::int64_t units) {
  return {"linear", LinearOptions{.units = units}};
}

ModelOptions sequence_model(const std::vector<LayerOptions>& between) {
  std::vector<LayerOptions> layers = {
      {"embedding", EmbeddingOptions{.units = 8, .values = known_tokens}}};
  layers.insert(layers.end(), between.begin(), between.end());
  layers.push_back(linear(3));
  return listed(std::move(layers));
}

std::vector<std::vector<LayerOptions>> sequence_models() {
  const LayerOptions wide_transformer{"transformer", TransformerOptions{.units = 11}};
  const LayerOptions causal{"transformer", TransformerOptions{.causal = true}};
  return {
      {pool_time("mean")},
      {pool_time("max")},
      {pool_time("last")},
      {recurrent("gru", 5, "last")},
      {recurrent("gru", 5, "last", true)},
      {recurrent("gru", 5), pool_time("max")},
      {recurrent("lstm", 5, "sequence", true), {"layer_norm"}, pool_time("mean")},
      {recurrent("lstm", 5, "last")},
      {{"positions"}, {"transformer"}, wide_transformer, pool_time("mean")},
      {{"positions"}, causal, pool_time("last")},
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
  const ModelOptions model =
      sequence_model({{"transformer", TransformerOptions{.causal = true}}, pool_time("last")});
  const Network network = same_network(model);
  torch::Tensor samples = samples_of_all_lengths().narrow(0, 6, 1);
  const torch::Tensor first = network.forward(samples.narrow(1, 0, 4));
  samples = samples.narrow(1, 0, 6).clone();
  samples.narrow(1, 4, 2).fill_(-1);
  EXPECT_TRUE(torch::allclose(network.forward(samples), first, 1e-4, 1e-5));
}

TEST(ModelSequence, RowsOfAnImageAreASequenceToo) {
  const ModelOptions model = listed({recurrent("lstm", 6, "last"), linear(3)});
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
  const ModelOptions model = listed({recurrent("gru", 6, "last"), linear(3)});
  EXPECT_THAT(refused(model, tokens_spec()),
              HasSubstr("layer 0 (gru): needs sequences [length, numbers] (put an 'embedding'"));
  const LayerOptions heads{"transformer", TransformerOptions{.heads = 3}};
  EXPECT_THAT(refused(sequence_model({heads, pool_time("mean")}), tokens_spec()),
              HasSubstr("8 numbers cannot be shared by 3 heads"));
  EXPECT_THAT(refused(sequence_model({recurrent("gru", 4)}), tokens_spec()),
              HasSubstr("needs flat samples"));
}

// An mlp on embedded tokens, without layers for sequences: padding is zeros.
TEST(ModelSequence, FlattenSeesPaddingAsZeros) {
  const ModelOptions model = sequence_model({{"flatten"}});
  const Network network = same_network(model);
  EXPECT_EQ(network.forward(samples_of_all_lengths()).sizes(), (std::vector<std::int64_t>{10, 3}));
}

}  // namespace model_sequence_test
}  // namespace convoy
