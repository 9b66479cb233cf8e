// Which partition is advised, by which rule, and what the job refuses.
#include <gmock/gmock.h>

#include "convoy/job/job.hpp"
#include "data/inspect/partition_advice.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_partition_advice_test {

using test::error_of;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Facts of data that ask for nothing.
PartitionFacts plain_facts() {
  PartitionFacts facts;
  facts.strategy = "synchronous";
  facts.steps = 10;
  facts.labels.names = {"a", "b"};
  facts.labels.counts = {500, 500};
  facts.value = "label";
  facts.values = 2;
  facts.samples_a_value = 500;
  facts.batch_in_sequence = 0.1;
  facts.batch_shuffled = 0.1;
  for (const auto& [by, assign] :
       std::vector<std::pair<std::string, std::string>>{{"row", "block"},
                                                        {"row", "cyclic"},
                                                        {"value", "stratified"},
                                                        {"value", "hash"},
                                                        {"value", "range"}}) {
    Contestant one{by, assign, 0.1, 0.2, 100, 100, {}};
    one.groups.groups = {{125, 125}, {125, 125}, {125, 125}, {125, 125}};
    one.groups.sizes = {250, 250, 250, 250};
    facts.contestants.push_back(one);
  }
  return facts;
}

std::string advised(const PartitionFacts& facts) {
  const PartitionAdvice advice = advise_partition(facts);
  EXPECT_THAT(advice.reasons, Not(IsEmpty()));
  return advice.by + " " + advice.assign;
}

TEST(PartitionAdvice, RulesInTheirOrder) {
  PartitionFacts facts = plain_facts();
  EXPECT_EQ(advised(facts), "row block");

  facts.sequential = true;
  facts.contestants[0].groups.skew_mean = 0.3;
  EXPECT_EQ(advised(facts), "row cyclic");

  facts = plain_facts();
  facts.sequential = true;
  facts.batch_in_sequence = 0.9;
  facts.padding_by_size = 0.1;
  facts.padding_by_row = 0.14;
  EXPECT_EQ(advised(facts), "value stratified");
  facts.padding_by_row = 0.4;
  EXPECT_EQ(advised(facts), "size block");

  facts = plain_facts();
  facts.contestants[0].groups.skew_mean = 0.03;
  EXPECT_EQ(advised(facts), "row block");
  facts.own_steps = true;
  EXPECT_EQ(advised(facts), "value stratified");

  facts = plain_facts();
  facts.labels.counts = {991, 9};
  EXPECT_EQ(advised(facts), "value stratified");
  facts.labels.parts = true;
  EXPECT_EQ(advised(facts), "row block") << "parts of a range are no classes";

  facts = plain_facts();
  facts.value = "user";
  facts.value_is_target = false;
  facts.values = 50;
  facts.samples_a_value = 20;
  EXPECT_EQ(advised(facts), "value hash");
  facts.values = 4;
  EXPECT_EQ(advised(facts), "row block") << "too few values for 4 lanes";
  facts.values = 50;
  facts.samples_a_value = 1;
  EXPECT_EQ(advised(facts), "row block") << "nothing is kept together";

  facts = plain_facts();
  facts.sequential = true;
  facts.batch_in_sequence = 0.7;
  EXPECT_EQ(advised(facts), "value stratified");
  facts.sequential = false;
  EXPECT_EQ(advised(facts), "row block");
}

TEST(PartitionAdvice, UnevenLanesOfHashAreNamed) {
  PartitionFacts facts = plain_facts();
  facts.value_is_target = false;
  facts.values = 50;
  facts.samples_a_value = 20;
  facts.contestants[3].groups.largest_of_mean = 2.5;
  EXPECT_THAT(advise_partition(facts).reasons, Contains(HasSubstr("2.50 of the mean")));
}

std::string job_error(const std::string& partition) {
  return error_of([&] {
    parse_job("data: {train: {features: x, labels: y}}\npartition: {" + partition + "}\n", "j");
  });
}

TEST(PartitionJob, CombinationsThatCannotBeAreOneLine) {
  EXPECT_THAT(job_error("assign: hash"),
              HasSubstr("j:2: partition.assign: 'hash' is not one of block, cyclic"));
  EXPECT_THAT(job_error("by: value"),
              HasSubstr("partition.assign: is missing; write one of stratified, hash, range"));
  EXPECT_THAT(job_error("by: value, assign: cyclic"),
              HasSubstr("'cyclic' is not one of stratified, hash, range"));
  EXPECT_THAT(job_error("value: user"),
              HasSubstr("partition.value: counts only with partition.by size or value, and it is "
                        "row; remove one of the two"));
  EXPECT_THAT(
      job_error("block: 8, order: sequential"),
      HasSubstr("partition.block: goes with partition.by row and partition.order shuffled"));
  EXPECT_THAT(job_error("by: size"), HasSubstr("partition.tokens: is missing; by size"));
  EXPECT_THAT(job_error("by: size, tokens: 8"), HasSubstr("size needs a tokens step"));
  EXPECT_THAT(job_error("by: value, assign: hash, value: ''"), HasSubstr("is empty"));
  EXPECT_EQ(job_error("by: value, assign: range, value: user"), "no error");
  EXPECT_EQ(job_error("assign: cyclic"), "no error");
}

}  // namespace data_partition_advice_test
}  // namespace convoy
