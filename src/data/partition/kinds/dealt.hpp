#pragma once
// What partitioners have in common whose batches are dealt to lanes sample by sample.
#include "convoy/data/partition/partitioner.hpp"
#include "lanes/epoch_schedule.hpp"

namespace convoy {

/// `assign`: block, cyclic.
inline EpochSchedule::Options dealt(const SamplesToPartition& given, const std::string& assign) {
  EpochSchedule::Options options;
  options.samples = given.samples;
  options.batch = given.batch;
  options.lanes = given.lanes;
  options.seed = given.seed;
  options.shuffled = given.shuffled;
  options.drop_last = given.drop_last;
  options.cyclic = assign == "cyclic";
  return options;
}

inline void describe_dealing(schema::Visitor& v, std::string& assign) {
  v.key("assign", assign, schema::choice({"block", "cyclic"}),
        "which samples of a batch a lane gets: a contiguous slice (block), or with S lanes every "
        "S-th sample (cyclic)");
}

inline std::optional<schema::Problem> column_problem(const std::string& column) {
  if (!column.empty()) return std::nullopt;
  return schema::Problem{"value", "is empty; name a column, or write target"};
}

}  // namespace convoy
