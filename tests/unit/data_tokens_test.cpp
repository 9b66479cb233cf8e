// The step `tokens`: text as numbers, as training and as prediction see it.
#include <gmock/gmock.h>

#include "convoy/data/load.hpp"
#include "convoy/data/text/tokenizer.hpp"
#include "data/partition/values.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_tokens_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DataTokens : public ::testing::Test {
 protected:
  DataTokens() {
    data_.train.file = "train.csv";
    data_.target = {"y"};
    data_.task = "regression";
    step_.kind = "tokens";
  }

  Splits load(const std::string& csv) const {
    directory_.write("train.csv", csv);
    return load_splits({data_, {step_}, 1, directory_.path()});
  }
  static std::vector<std::vector<float>> rows(const Dataset& dataset) {
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
    const torch::Tensor features = dataset.read(samples).features.contiguous();
    std::vector<std::vector<float>> rows;
    for (std::int64_t i = 0; i < features.size(0); ++i) {
      const float* const row = features.data_ptr<float>() + i * features.size(1);
      rows.emplace_back(row, row + features.size(1));
    }
    return rows;
  }
  std::vector<std::vector<float>> predicted(const Splits& splits, const std::string& csv) const {
    directory_.write("new.csv", csv);
    const auto fitted = nlohmann::ordered_json::parse(splits.fitted.dump());
    return rows(*load_for_prediction(data_, {"new.csv", "", ""}, fitted, directory_.path()));
  }

  test::Directory directory_;
  DataOptions data_;
  PreprocessStep step_;
};

TEST_F(DataTokens, WordsByTheirPlaceAmongTheMostFrequent) {
  test::set(step_, "vocabulary",
            4);  // a, b and d: of the words that are there once d comes before the others
  const Splits splits = load("t,y\n\"b a\",1\n\"a, b a\",2\nd e,3\n,4\n");
  EXPECT_THAT(rows(*splits.train),
              ElementsAre(ElementsAre(3, 2, -1, -1), ElementsAre(2, 1, 3, 2),
                          ElementsAre(0, 0, -1, -1), ElementsAre(-1, -1, -1, -1)));
  EXPECT_EQ(splits.train->spec().feature_names[3], "t@3");
  // Words that training did not know are 0; what is longer than training's longest is cut off.
  EXPECT_THAT(predicted(splits, "t\nnew a\nb b b b b\n"),
              ElementsAre(ElementsAre(0, 2, -1, -1), ElementsAre(3, 3, 3, 3)));
}

TEST_F(DataTokens, BytesAndPairs) {
  test::set(step_, "tokenizer", std::string("byte"));
  test::set(step_, "length", 3);
  EXPECT_THAT(rows(*load("t,y\nab,1\nabcd,2\n").train),
              ElementsAre(ElementsAre(97, 98, -1), ElementsAre(97, 98, 99)));
  test::set(step_, "tokenizer", std::string("bpe"));
  test::set(step_, "vocabulary", 258);
  test::set(step_, "length", 8);
  const Splits splits = load("t,y\nabab,1\nabc,2\n");
  EXPECT_THAT(rows(*splits.train), ElementsAre(ElementsAre(256, 256), ElementsAre(256, 99)));
  EXPECT_THAT(predicted(splits, "t\nzab\n"), ElementsAre(ElementsAre('z', 256)));
}

TEST_F(DataTokens, RareTextOfOtherSplitsTeachesNothing) {
  data_.test_part = 0.5;
  const Splits splits = load("t,y\nx,1\nx,2\nx,3\nx,4\nx,5\nx,6\nx,7\nu,8\n");
  for (const auto& row : rows(*splits.train)) EXPECT_LE(row[0], 2);
  EXPECT_LE(splits.fitted["steps"][0]["categories"][0].size(), 2u);
}

TEST_F(DataTokens, LengthsForBatchesBySize) {
  PartitionOptions partition;
  partition.by = "size";
  directory_.write("train.csv", "t,n,y\na b c,7,1\n,2,2\nd,3.5,3\n");
  data_.csv.ignore = {"n"};
  const auto sizes = [&] {
    return sample_sizes(load_splits({data_, {step_}, 1, directory_.path(), partition}).values);
  };
  EXPECT_THAT(sizes(), ElementsAre(3, 1, 1));
  partition.own = BySize{.value = "n"};
  EXPECT_THAT(sizes(), ElementsAre(7, 2, 4));
  directory_.write("train.csv", "t,n,y\na b c,7,1\n,-2,2\nd,3.5,3\n");
  EXPECT_THAT(error_of(sizes), HasSubstr("column 'n', training sample 1: -2 is no size"));
}

TEST_F(DataTokens, WhatCannotBeIsSaid) {
  EXPECT_THAT(error_of([&] { load("t,u,y\na,b,1\nc,d,2\n"); }),
              HasSubstr("preprocess: tokens: makes the whole sample of one column of text"));
  EXPECT_THAT(error_of([&] { load("t,u,y\na,1,1\nc,2,2\n"); }), HasSubstr("data.csv.ignore"));
  test::set(step_, "columns", std::vector<std::string>{"t"});
  EXPECT_THAT(error_of([&] { load("t,y\n1,1\n2,2\n"); }), HasSubstr("tokens"));
  const Splits splits = load("t,y\na b,1\nb,2\n");
  for (const auto& [key, value] : std::vector<std::pair<const char*, nlohmann::ordered_json>>{
           {"width", 0},
           {"width", 1 << 20},
           {"output", "words"},
           {"categories", nlohmann::ordered_json::array()}}) {
    nlohmann::ordered_json damaged = splits.fitted;
    damaged["steps"][0][key] = value;
    directory_.write("new.csv", "t\na\n");
    EXPECT_THAT(error_of([&] {
                  load_for_prediction(data_, {"new.csv", "", ""}, damaged, directory_.path());
                }),
                HasSubstr("damaged"))
        << key;
  }
}

}  // namespace data_tokens_test
}  // namespace convoy
