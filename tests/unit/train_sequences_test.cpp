// Training on sequences in batches by size: the same bits whoever does the work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm_support.hpp"
#include "convoy/data/load.hpp"
#include "data_support.hpp"
#include "train_support.hpp"

namespace convoy {
namespace train_sequences_test {

constexpr const char* sequences_job = R"(
name: sequences
seed: 4
data: {train: train.csv, target: y, task: binary}
preprocess: [clean_text, tokens: {tokenizer: word, vocabulary: 30, length: 12}]
partition: {by: size, tokens: 40, bucket: 3}
model:
  kind: layers
  layers:
    - embedding: 6
    - positions
    - transformer: {heads: 2, units: 9}
    - gru: {units: 5, bidirectional: true, output: last}
    - linear: 1
train: {epochs: 2, optimizer: {kind: adam, rate: 0.01}}
evaluate: {every: 1}
report: {html: false}
)";

// Sentences of 1 to 14 words; which are right is said by one of the words.
std::string sentences() {
  std::string csv = "text,y\n";
  for (int i = 0; i < 150; ++i) {
    std::string text;
    for (int k = 0; k <= i * 5 % 14; ++k) text += " w" + std::to_string((i * 7 + k * k * 3) % 25);
    csv += text + (text.find("w7") != std::string::npos ? ",yes\n" : ",no\n");
  }
  return csv;
}

struct LoadedJob {
  Job job;
  TrainingData data;
};

LoadedJob load_sequences(const test::Directory& directory,
                         const std::vector<std::string>& set = {}) {
  directory.write("train.csv", sentences());
  Job job = parse_job(sequences_job, "job.yaml", set);
  Splits splits =
      load_splits({job.data, job.preprocess, job.seed, directory.path(), job.partition});
  return {job, {splits.train, nullptr, nullptr, splits.values}};
}

std::string digest_of(const LoadedJob& loaded, int workers, int replicas) {
  const ModelFactory factory = build_model(loaded.job.model, loaded.data.train->spec());
  RunOptions options;
  options.replicas = replicas;
  if (workers == 1) return testing::train(loaded.job, factory, options, loaded.data).weights_sha256;
  std::vector<std::string> digests(static_cast<std::size_t>(workers));
  testing::in_group(workers, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions own = options;
    own.group = group;
    digests[static_cast<std::size_t>(group->rank())] =
        testing::train(loaded.job, factory, own, loaded.data).weights_sha256;
  });
  for (const std::string& digest : digests) EXPECT_EQ(digest, digests[0]);
  return digests[0];
}

TEST(TrainSequences, TheBitsAreTheSameForAnyWorkersAndReplicas) {
  const test::Directory directory;
  for (const std::vector<std::string>& set :
       {std::vector<std::string>{}, {"partition.order=sequential", "train.last_batch=drop"}}) {
    const LoadedJob loaded = load_sequences(directory, set);
    const std::string expected = digest_of(loaded, 1, 1);
    EXPECT_EQ(digest_of(loaded, 1, 3), expected);
    EXPECT_EQ(digest_of(loaded, 2, 1), expected);
    EXPECT_EQ(digest_of(loaded, 3, 2), expected);
  }
}

TEST(TrainSequences, TheJobKnowsHowManyTokensThereAre) {
  const test::Directory directory;
  const LoadedJob loaded = load_sequences(directory);
  EXPECT_EQ(loaded.job.model.own.as<LayersOptions>().layers[0].own.as<EmbeddingOptions>().values,
            30);
  EXPECT_EQ(loaded.data.values.numbers.size(), 150u);
  EXPECT_EQ(loaded.data.values.numbers[0], 2);  // w, and a figure
  EXPECT_EQ(loaded.data.values.numbers[1], 12);
  EXPECT_EQ(loaded.data.values.numbers[5], 12);  // of 12, at most
}

TEST(TrainSequences, ACheckpointOfOtherBatchesIsNotContinued) {
  const test::Directory directory;
  LoadedJob loaded = load_sequences(directory);
  const testing::TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  const ModelFactory factory = build_model(loaded.job.model, loaded.data.train->spec());
  testing::train(loaded.job, factory, options, loaded.data);
  options.resume = true;
  loaded.job.partition.own.edit<BySize>().tokens = 60;
  EXPECT_THAT(test::error_of([&] { testing::train(loaded.job, factory, options, loaded.data); }),
              ::testing::HasSubstr("partition.tokens"));
}

}  // namespace train_sequences_test
}  // namespace convoy
