#pragma once
// What partitioning a job's features by column comes to, and whether it suits.
#include <nlohmann/json.hpp>

#include "convoy/job/job.hpp"

namespace convoy {

/// With so many workers:
///   features, units, batch, parts; workers [{worker, parts, features, bytes}]: of all training
///   samples, as float32; largest_of_mean
///   first_layer_bytes: of its weight; row_bytes, column_bytes: what a worker sends in a step
///   suits: whether fewer bytes travel by column
/// or {refused}: why the job cannot be partitioned so. Loads the data.
nlohmann::ordered_json column_advice(const Job& job, int workers);

}  // namespace convoy
