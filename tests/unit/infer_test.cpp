#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/data/dataset/prefetch.hpp"
#include "convoy/infer/predict.hpp"
#include "unit/train_support.hpp"

namespace convoy {
namespace infer_test {

using namespace testing;  // NOLINT
using ::testing::HasSubstr;

TEST(Predictor, SameNumbersInSampleOrderForAnyReplicas) {
  const TemporaryFolder folder;
  const auto factory = build_model(cnn_with_batch_norm(), image_spec());
  const auto trained = train(small_job(), factory, {.out = folder.path()});
  const auto data = subset(images(), {50, 3, 99, 7, 20, 21, 22, 23, 24, 25, 26});
  torch::Tensor expected;
  for (const int replicas : {1, 2, 5}) {
    Predictor predictor(factory, replicas, 3);
    predictor.load(folder.path() / "model.pt");
    const Inference inference = predictor.run(*data);
    EXPECT_EQ(inference.samples,
              (std::vector<std::int64_t>{50, 3, 99, 7, 20, 21, 22, 23, 24, 25, 26}));
    if (!expected.defined()) expected = inference.outputs;
    EXPECT_TRUE(torch::equal(inference.outputs, expected)) << replicas;
    EXPECT_EQ(
        evaluate(inference, image_spec(), make_loss("auto", image_spec())).contains("accuracy"),
        true);
  }
}

TEST(ModelFile, KeepsWeightsBuffersAndMeta) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.pt";
  const auto factory = build_model(cnn_with_batch_norm(), image_spec());
  const Network saved = factory();
  saved.forward(torch::rand({4, 1, 8, 8}));  // moves the running statistics
  save_model(file, *saved.module, {{"job", "x: 1"}, {"number", 0.1}});
  EXPECT_EQ(read_model_meta(file)["number"], 0.1);
  const Network loaded = factory();
  load_weights(file, *loaded.module);
  saved.module->eval();
  loaded.module->eval();
  const auto x = torch::rand({2, 1, 8, 8});
  EXPECT_TRUE(torch::equal(saved.forward(x), loaded.forward(x)));
}

TEST(ModelFile, DamagedOrOtherModelsAreRefusedWithOneLine) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.pt";
  const auto refusal = [&](const auto& action) -> std::string {
    try {
      action();
      return "accepted";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  std::ofstream(file) << "not a model";
  EXPECT_THAT(refusal([&] { read_model_meta(file); }), HasSubstr("damaged, or not a model file"));
  save_model(file, *build_model(mlp_options(), image_spec())().module, {});
  NoisyNet other;
  EXPECT_THAT(refusal([&] { load_weights(file, other); }),
              HasSubstr("another model: it has no first"));
  ModelOptions wider = mlp_options();
  wider.own.edit<MlpOptions>().hidden = {33, 16};
  EXPECT_THAT(refusal([&] { load_weights(file, *build_model(wider, image_spec())().module); }),
              HasSubstr("[32, 64] there"));
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_THAT(refusal([&] { read_model_meta(file); }), HasSubstr("damaged"));
}

TEST(Prefetcher, HandsOutInOrderAndStopsEarly) {
  std::int64_t asked = 0;
  const auto dataset = images();
  const auto read = [&]() -> std::optional<Batch> {
    if (asked == 50) return std::nullopt;
    return dataset->read(std::vector<std::int64_t>{asked++});
  };
  Prefetcher prefetcher(read, 4);
  for (std::int64_t i = 0; i < 50; ++i)
    EXPECT_EQ(prefetcher.next().samples, std::vector<std::int64_t>{i});
  EXPECT_THROW(prefetcher.next(), std::out_of_range);
  const Prefetcher abandoned([&] { return dataset->read(std::vector<std::int64_t>{1}); }, 2);
}

TEST(Prefetcher, PassesOnWhatReadingThrew) {
  Prefetcher prefetcher(
      []() -> std::optional<Batch> { throw DataError("file.csv:3", "is broken"); }, 2);
  EXPECT_THROW(prefetcher.next(), DataError);
}

// The slow reads are ahead on another thread, which gives the fast ones back.
TEST(Prefetcher, ReadsAheadWhereReadingTakesLong) {
  std::vector<std::thread::id> readers;
  std::int64_t asked = 0;
  const auto read = [&]() -> std::optional<Batch> {
    if (asked == 600) throw DataError("file.csv:3", "is broken");
    if (asked < 50 || asked > 550) std::this_thread::sleep_for(std::chrono::microseconds(200));
    readers.push_back(std::this_thread::get_id());
    Batch batch;
    batch.samples = {asked++};
    return batch;
  };
  Prefetcher prefetcher(read, 4);
  for (std::int64_t i = 0; i < 600; ++i)
    EXPECT_EQ(prefetcher.next().samples, std::vector<std::int64_t>{i});
  EXPECT_THROW(prefetcher.next(), DataError);
  const auto self = std::this_thread::get_id();
  EXPECT_EQ(readers[0], self);
  EXPECT_NE(readers[40], self);
  EXPECT_NE(readers[599], self);
  EXPECT_GT(std::count(readers.begin() + 50, readers.begin() + 550, self), 10);
}

}  // namespace infer_test
}  // namespace convoy
