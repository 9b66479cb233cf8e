#pragma once
// How samples become batches and lanes. No libtorch in this header.
#include <cstdint>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// Which samples a batch has, and which of them a lane.
struct PartitionOptions {
  std::string by = "row";  ///< row: samples as they come | value: by what `value` says | column:
                           ///< each worker has some of the features | size: by samples' lengths
  std::string order =
      "shuffled";  ///< shuffled (by seed and epoch) | sequential (file order, every epoch)
  std::string assign = "block";  ///< row: block (a lane gets a contiguous slice of the batch) |
                                 ///< cyclic (every S-th sample). value: stratified (every lane gets
                                 ///< its share of each value) | hash (all samples of a value are in
                                 ///< one lane) | range (lanes get neighbouring values)
  std::string value = "target";  ///< by value: the column; `target`: what is predicted
  std::int64_t block = 0;  ///< shuffled: neighbouring samples that stay together while blocks are
                           ///< shuffled; 0: one (prepared data that is larger than memory: chosen)
  std::int64_t columns = 8;  ///< by column: parts that features are cut into
  std::int64_t tokens = 0;   ///< by size: tokens of a batch at most, padding included
  std::int64_t bucket = 16;  ///< by size: lengths are rounded up to multiples of it
};

/// How many samples a batch has, and how many lanes they go to.
struct BatchOptions {
  std::int64_t batch = 64;  ///< the global batch; 0 (YAML: `full`): the whole training split
  std::int64_t lanes = 0;   ///< 0: 8, or the batch size if that is smaller
  std::string last_batch = "keep";  ///< keep | drop: the short batch at the end of an epoch
};

namespace schema {

class Visitor;

void describe(Visitor& v, PartitionOptions& o);
void describe(Visitor& v, BatchOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
