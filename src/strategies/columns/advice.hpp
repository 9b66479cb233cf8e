#pragma once
// What partitioning features by column comes to, and whether it suits.
#include <nlohmann/json.hpp>

#include "convoy/data/load_options.hpp"
#include "convoy/model/options.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// With so many workers:
///   features, units, batch, parts; workers [{worker, parts, features, bytes}]: of all training
///   samples, as float32; largest_of_mean
///   first_layer_bytes: of its weight; row_bytes, column_bytes: what a worker sends in a step
///   suits: whether fewer bytes travel by column
/// or {refused}: why the data or the model cannot be partitioned so. Loads the data.
nlohmann::ordered_json column_advice(const LoadOptions& load, const ModelOptions& model,
                                     const BatchOptions& batches, int workers);

}  // namespace convoy

#pragma GCC visibility pop
