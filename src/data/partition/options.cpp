#include "convoy/data/partition/partitioner.hpp"
#include "convoy/data/partition_options.hpp"

namespace convoy::schema {

void describe(Visitor& v, PartitionOptions& o) {
  chosen(v, partitioners(), o.by, o.own, "what decides which samples a batch has, and which lane",
         "by");
  v.key("order", o.order, choice({"shuffled", "sequential"}),
        "shuffled by the seed, anew each epoch (by value: within each lane); or as in the file, "
        "every epoch");
}

void describe(Visitor& v, BatchOptions& o) {
  constexpr double max_lanes = 4096;  // no real job reaches it
  v.key("batch", o.batch, between(1, many).or_word("full", 0),
        "samples a step, over all lanes; full: the whole training split");
  v.key("lanes", o.lanes, between(1, max_lanes).or_word("auto", 0),
        "slices of each batch; the results depend on it, and not on who computes them. auto: 8, or "
        "`batch` if smaller");
  v.key("last_batch", o.last_batch, choice({"keep", "drop"}),
        "the short batch at the end of an epoch");
}

}  // namespace convoy::schema
