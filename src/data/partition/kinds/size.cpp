// Samples of about the same number of tokens form a batch, which is cut into lanes.
#include "data/partition/kinds/dealt.hpp"

namespace convoy {

void describe(schema::Visitor& v, BySize& o) {
  v.key("value", o.value, schema::any(),
        "a column of numbers, the size of each sample; target: its tokens");
  v.key("tokens", o.tokens, schema::between(0, schema::many),
        "how many tokens a batch has at most, padding included; it decides the number of samples, "
        "and not `train.batch`");
  v.key("bucket", o.bucket, schema::between(1, 65'536),
        "lengths are rounded up to multiples of it when batches are formed");
  describe_dealing(v, o.assign);
}

namespace {

std::unique_ptr<const SampleSchedule> make_by_size(const SamplesToPartition& given,
                                                   const schema::AnyOptions& own) {
  const auto size = own.as<BySize>();
  EpochSchedule::Options options = dealt(given, size.assign);
  options.values = given.values;
  options.tokens = size.tokens;
  options.bucket = size.bucket;
  return std::make_unique<EpochSchedule>(options);
}

std::string size_column(const schema::AnyOptions& own) {
  return own.as<BySize>().value;
}

std::optional<schema::Problem> size_problem(const schema::AnyOptions& own) {
  if (own.as<BySize>().tokens > 0) return column_problem(size_column(own));
  return schema::Problem{"tokens",
                         "is missing; by size it says how many tokens a batch has at most"};
}

const schema::Registered size_partitioner(
    partitioners(),
    PartitionerKind{{.name = "size",
                     .doc = "samples of about the same number of tokens form a batch, as many as "
                            "`tokens` allows, which is cut into lanes",
                     .options = BySize{},
                     .problem = size_problem},
                    make_by_size,
                    LooksAt::sizes,
                    size_column});

}  // namespace
}  // namespace convoy
