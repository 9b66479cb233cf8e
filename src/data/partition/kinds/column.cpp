// Each worker has some of the features, of all samples. Batches and lanes are as by row.
#include "data/partition/kinds/dealt.hpp"

namespace convoy {

void describe(schema::Visitor& v, ByColumn& o) {
  v.key("columns", o.columns, schema::between(1, 4096),
        "parts that the columns are cut into, at least one for each worker. The bits of the result "
        "depend on it, and not on the workers; replicas beyond a worker's parts have less to do");
  describe_dealing(v, o.assign);
}

namespace {

std::unique_ptr<const SampleSchedule> make_by_column(const SamplesToPartition& given,
                                                     const schema::AnyOptions& own) {
  return std::make_unique<EpochSchedule>(dealt(given, own.as<ByColumn>().assign));
}

const schema::Registered column_partitioner(
    partitioners(),
    PartitionerKind{{.name = "column",
                     .doc = "each worker has some of the features, of all samples, and the first "
                            "layer, which must be linear, is cut to match",
                     .options = ByColumn{},
                     .guarantees = {.elastic = false, .servers = false}},
                    make_by_column,
                    LooksAt::nothing,
                    nullptr,
                    nullptr,
                    nullptr,
                    [](const schema::AnyOptions& own) { return own.as<ByColumn>().columns; }});

}  // namespace
}  // namespace convoy
