#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"
#include "convoy/model/layer_options.hpp"
#include "core/temporary_folder.hpp"

namespace convoy {
namespace job_parse_test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string data = "data: {train: iris.csv, target: species}\n";

Job parse(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return parse_job(data + yaml, "job.yaml", overrides);
}

TEST(JobParse, the_smallest_job_has_every_default) {
  const Job job = parse("");
  EXPECT_EQ(job.data.train.file, "iris.csv");
  EXPECT_THAT(job.data.target, ElementsAre("species"));
  EXPECT_EQ(job.name, "job");
  EXPECT_EQ(job.seed, 1);
  EXPECT_EQ(job.train.batch, 64);
  EXPECT_EQ(job.train.lanes, 0);
  EXPECT_EQ(job.train.optimizer.kind, "sgd");
  EXPECT_THAT(job.model.own.as<MlpOptions>().hidden, ElementsAre(128));
  EXPECT_EQ(job.loss.kind, "auto");
  EXPECT_THAT(job.preprocess, IsEmpty());
}

TEST(JobParse, values_of_every_type) {
  const Job job = parse(R"(
name: "a # b"
seed: 18446744073709551615
model: {kind: cnn, hidden: [], channels: [8, 16], batch_norm: true, dropout: 2.5e-1}
train: {epochs: .5, batch: +32, lanes: 4}
)");
  EXPECT_EQ(job.name, "a # b");
  EXPECT_EQ(job.seed, 18446744073709551615U);
  const auto cnn = job.model.own.as<CnnOptions>();
  EXPECT_THAT(cnn.hidden, IsEmpty());
  EXPECT_THAT(cnn.channels, ElementsAre(8, 16));
  EXPECT_TRUE(cnn.batch_norm);
  EXPECT_EQ(cnn.dropout, 0.25);
  EXPECT_EQ(job.train.epochs, 0.5);
  EXPECT_EQ(job.train.batch, 32);
}

TEST(JobParse, a_scalar_in_place_of_a_section_sets_its_main_member) {
  const Job job = parse(R"(
model: cnn
loss: cross_entropy
train: {batch: full, optimizer: adam, schedule: cosine, clip: 1.5}
)");
  EXPECT_EQ(job.model.kind, "cnn");
  EXPECT_EQ(job.loss.kind, "cross_entropy");
  EXPECT_EQ(job.train.batch, 0);
  EXPECT_EQ(job.train.optimizer.kind, "adam");
  EXPECT_EQ(job.train.schedule.kind, "cosine");
  EXPECT_EQ(job.train.clip.norm, 1.5);
}

TEST(JobParse, a_section_without_content_keeps_its_defaults) {
  EXPECT_EQ(parse("train:\nmodel: ~\n").train.epochs, 1);
}

TEST(JobParse, layers_in_every_form) {
  const Job job = parse(R"(
model:
  kind: layers
  layers:
    - conv: 32
    - conv: {channels: 64, kernel: 5, bias: false}
    - batch_norm
    - relu:
    - max_pool: 2
    - {dropout: 0.25}
    - dropout
    - linear: {units: 10}
)");
  const auto layers = job.model.own.as<LayersOptions>().layers;
  ASSERT_EQ(layers.size(), 8);
  EXPECT_EQ(layers[0].kind, "conv");
  EXPECT_EQ(layers[0].own.as<ConvOptions>().channels, 32);
  EXPECT_EQ(layers[0].own.as<ConvOptions>().kernel, 3);
  EXPECT_EQ(layers[1].own.as<ConvOptions>().kernel, 5);
  EXPECT_FALSE(layers[1].own.as<ConvOptions>().bias);
  EXPECT_EQ(layers[3].kind, "relu");
  EXPECT_EQ(layers[4].own.as<PoolOptions>().kernel, 2);
  EXPECT_EQ(layers[5].own.as<DropoutOptions>().p, 0.25);
  EXPECT_EQ(layers[6].own.as<DropoutOptions>().p, 0.5);
  EXPECT_EQ(layers[7].own.as<LinearOptions>().units, 10);
}

TEST(JobParse, preprocessing_in_every_form) {
  const Job job = parse(R"(
preprocess:
  - drop_missing
  - impute: median
  - impute: {with: constant, value: -1, columns: age}
  - scale: 255
  - standardise:
  - standardise: {per: all}
  - one_hot: [colour, shape]
  - one_hot: colour
  - clip: {low: -3, high: 3}
)");
  const auto& steps = job.preprocess;
  ASSERT_EQ(steps.size(), 9);
  EXPECT_EQ(steps[0].kind, "drop_missing");
  EXPECT_EQ(steps[1].own.as<ImputeOptions>().with, "median");
  EXPECT_EQ(steps[2].own.as<ImputeOptions>().value, -1);
  EXPECT_THAT(steps[2].own.as<ImputeOptions>().columns, ElementsAre("age"));
  EXPECT_EQ(steps[3].own.as<ScaleOptions>().by, 255);
  EXPECT_EQ(steps[4].own.as<StandardiseOptions>().per, "feature");
  EXPECT_EQ(steps[5].own.as<StandardiseOptions>().per, "all");
  EXPECT_THAT(steps[6].own.as<ColumnOptions>().columns, ElementsAre("colour", "shape"));
  EXPECT_THAT(steps[7].own.as<ColumnOptions>().columns, ElementsAre("colour"));
  EXPECT_EQ(steps[8].own.as<ClipStepOptions>().low, -3);
}

TEST(JobParse, preprocessing_steps_with_their_first_member) {
  const Job job = parse(R"(
preprocess:
  - to_number: {columns: age, invalid: true}
  - outliers: z
  - hashing: 16
  - quantile: normal
  - pca: 3
  - yeo_johnson: [a, b]
  - robust
)");
  const auto& steps = job.preprocess;
  ASSERT_EQ(steps.size(), 7);
  EXPECT_TRUE(steps[0].own.as<ToNumberOptions>().invalid);
  EXPECT_EQ(steps[1].own.as<OutliersOptions>().method, "z");
  EXPECT_EQ(steps[1].own.as<OutliersOptions>().action, "clip");
  EXPECT_EQ(steps[2].own.as<HashingOptions>().width, 16);
  EXPECT_EQ(steps[3].own.as<QuantileOptions>().output, "normal");
  EXPECT_EQ(steps[4].own.as<PcaOptions>().components, 3);
  EXPECT_THAT(steps[5].own.as<CountedOptions>().columns, ElementsAre("a", "b"));
  EXPECT_EQ(steps[6].own.as<CountedOptions>().per, "feature");
}

TEST(JobParse, aliases_stand_for_what_they_name) {
  const Job job = parse_job(R"(
data: {train: &files {features: x.npy, labels: y.npy}, test: *files}
train: {batch: &n 32}
evaluate: {batch: *n}
)",
                            "job.yaml");
  EXPECT_EQ(job.data.test.features, "x.npy");
  EXPECT_EQ(job.evaluate.batch, 32);
}

TEST(JobParse, load_finds_the_folder_of_the_job) {
  const TemporaryFolder temporary;
  const std::string folder = temporary.path().string();
  std::ofstream(folder + "/job.yaml") << data;
  EXPECT_EQ(load_job(folder + "/job.yaml", {"seed=7"}).directory, folder);
  EXPECT_EQ(load_job(folder + "/job.yaml", {"seed=7"}).seed, 7);
}

TEST(JobOverride, sets_any_key_in_order) {
  const Job job = parse(
      "train: {optimizer: adam, batch: 8}\n",
      {"train.optimizer.rate=0.5", "train.batch=16", "train.batch=32", "data.csv.header=skip"});
  EXPECT_EQ(job.train.optimizer.kind, "adam");
  EXPECT_EQ(job.train.optimizer.rate, 0.5);
  EXPECT_EQ(job.train.batch, 32);
  EXPECT_EQ(job.data.csv.header, "skip");
}

TEST(JobOverride, reaches_into_list_items_in_short_form) {
  const std::string yaml =
      "model: {kind: layers, layers: [conv: 8, dropout, relu]}\npreprocess: [standardise]\n";
  const Job job = parse(yaml, {"model.layers.0.conv.channels=16", "model.layers.1.dropout.p=0.1",
                               "model.layers.2=gelu", "preprocess.0.standardise.per=all"});
  const auto layers = job.model.own.as<LayersOptions>().layers;
  EXPECT_EQ(layers[0].own.as<ConvOptions>().channels, 16);
  EXPECT_EQ(layers[1].own.as<DropoutOptions>().p, 0.1);
  EXPECT_EQ(layers[2].kind, "gelu");
  EXPECT_EQ(job.preprocess[0].own.as<StandardiseOptions>().per, "all");
}

TEST(JobOverride, a_subtree_replaces_what_was_there) {
  const Job job = parse("train: {optimizer: {kind: sgd, momentum: 0.9, rate: 0.3}}\n",
                        {"train.optimizer={kind: adam, beta1: 0.8}", "model.hidden=[5, 6]"});
  EXPECT_EQ(job.train.optimizer.kind, "adam");
  EXPECT_EQ(job.train.optimizer.own.as<AdamOptions>().beta1, 0.8);
  EXPECT_EQ(job.train.optimizer.rate, 0.01);
  EXPECT_THAT(job.model.own.as<MlpOptions>().hidden, ElementsAre(5, 6));
}

}  // namespace job_parse_test
}  // namespace convoy
