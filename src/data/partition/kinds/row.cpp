// Samples as they come: each batch is cut into lanes.
#include <algorithm>

#include "data/partition/kinds/dealt.hpp"

namespace convoy {

void describe(schema::Visitor& v, ByRow& o) {
  v.key("block", o.block, schema::between(0, schema::many),
        "shuffled: so many neighbouring samples stay together while blocks are shuffled; then the "
        "samples of each 16 successive blocks are shuffled among themselves, so that data which "
        "are larger than memory are read in long pieces. 0: one, and of prepared data that are "
        "larger than `data.memory` about 1 MiB of records ([records](records.md))");
  describe_dealing(v, o.assign);
}

namespace {

std::unique_ptr<const SampleSchedule> make_by_row(const SamplesToPartition& given,
                                                  const schema::AnyOptions& own) {
  const auto row = own.as<ByRow>();
  EpochSchedule::Options options = dealt(given, row.assign);
  options.block = std::max<std::int64_t>(1, row.block);
  return std::make_unique<EpochSchedule>(options);
}

std::optional<schema::Problem> block_conflict(const PartitionOptions& partition) {
  if (partition.own.as<ByRow>().block <= 1 || partition.order == "shuffled") return std::nullopt;
  return schema::Problem{
      "block",
      "goes with partition.by row and partition.order shuffled; remove it, or set them so"};
}

void set_block(schema::AnyOptions& own, std::int64_t block) {
  if (own.as<ByRow>().block == 0) own.edit<ByRow>().block = block;
}

const schema::Registered row_partitioner(
    partitioners(), PartitionerKind{{.name = "row",
                                     .doc = "samples as they come; each batch is cut into lanes",
                                     .options = ByRow{}},
                                    make_by_row,
                                    LooksAt::nothing,
                                    nullptr,
                                    block_conflict,
                                    set_block});

}  // namespace
}  // namespace convoy
