#pragma once
// How samples become batches and lanes. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/schema/any_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Which samples a batch has, and which of them a lane: one of partitioners()
/// (data/partition/partitioner.hpp), such as {.by = "value", .own = ByValue{.assign = "hash"}}.
struct PartitionOptions {
  std::string by = "row";
  schema::AnyOptions own = {};
  std::string order =
      "shuffled";  ///< shuffled (by seed and epoch) | sequential (file order, every epoch)
};

/// row: samples as they come.
struct ByRow {
  std::int64_t block = 0;  ///< shuffled: neighbouring samples that stay together while blocks are
                           ///< shuffled; 0: one (prepared data that is larger than memory: chosen)
  std::string assign = "block";  ///< block (a lane gets a contiguous slice of the batch) | cyclic
                                 ///< (every S-th sample)
};

/// value: by what `value` says.
struct ByValue {
  std::string value = "target";       ///< the column; `target`: what is predicted
  std::string assign = "stratified";  ///< stratified (every lane gets its share of each value) |
                                      ///< hash (all samples of a value are in one lane) | range
                                      ///< (lanes get neighbouring values)
};

/// size: by samples' lengths.
struct BySize {
  std::string value = "target";  ///< the column with each sample's size; `target`: its tokens
  std::int64_t tokens = 0;       ///< of a batch at most, padding included
  std::int64_t bucket = 16;      ///< lengths are rounded up to multiples of it
  std::string assign = "block";  ///< as by row
};

/// column: each worker has some of the features.
struct ByColumn {
  std::int64_t columns = 8;      ///< parts that features are cut into
  std::string assign = "block";  ///< as by row
};

void describe(schema::Visitor& v, ByRow& o);
void describe(schema::Visitor& v, ByValue& o);
void describe(schema::Visitor& v, BySize& o);
void describe(schema::Visitor& v, ByColumn& o);

/// How many samples a batch has, and how many lanes they go to.
struct BatchOptions {
  std::int64_t batch = 64;  ///< the global batch; 0 (YAML: `full`): the whole training split
  std::int64_t lanes = 0;   ///< 0: 8, or the batch size if that is smaller
  std::string last_batch = "keep";  ///< keep | drop: the short batch at the end of an epoch
};

namespace schema {

void describe(Visitor& v, PartitionOptions& o);
void describe(Visitor& v, BatchOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
