#include "convoy/data/partition_options.hpp"

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

void describe(Visitor& v, PartitionOptions& o) {
  v.key(
      "by", o.by, choice({"row", "value", "column", "size"}),
      "row: each batch is cut into lanes; value: samples belong to lanes by what `value` says, for "
      "the whole run; column: each worker has some of the features, of all samples, and the first "
      "layer, which must be linear, is cut to match; size: samples of about the same number of "
      "tokens form a batch, as many as `tokens` allows, which is cut into lanes");
  v.key("order", o.order, choice({"shuffled", "sequential"}),
        "shuffled by the seed, anew each epoch (by value: within each lane); or as in the file, "
        "every epoch");
  v.key("block", o.block, between(0, many),
        "by row, shuffled: so many neighbouring samples stay together while blocks are shuffled; "
        "then the samples of each 16 successive blocks are shuffled among themselves, so that data "
        "which are larger than memory are read in long pieces. 0: one, and of prepared data that "
        "are larger than `data.memory` about 1 MiB of records ([records](records.md))");
  v.key("assign", o.assign, choice({"block", "cyclic", "stratified", "hash", "range"}),
        "by row, which samples of a batch a lane gets: a contiguous slice (block), or with S lanes "
        "every S-th sample (cyclic). By value: every lane and every batch has its share of each "
        "value (stratified), all samples of a value are in one lane (hash), or lanes have "
        "neighbouring values (range); needed there");
  v.key(
      "value", o.value, any(),
      "by value: the column, as read from the file, before preprocessing; it may be one of "
      "`data.csv.ignore`. target: what is predicted (arrays have nothing else). By size: a column "
      "of numbers, the size of each sample; target: its tokens");
  v.key("tokens", o.tokens, between(0, many),
        "by size: how many tokens a batch has at most, padding included; it decides the number of "
        "samples, and not `train.batch`");
  v.key("bucket", o.bucket, between(1, 65'536),
        "by size: lengths are rounded up to multiples of it when batches are formed");
  v.key("columns", o.columns, between(1, 4096),
        "by column: parts that the columns are cut into, at least one for each worker. The bits of "
        "the result depend on it, and not on the workers; replicas beyond a worker's parts have "
        "less to do");
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
