#pragma once
// A first layer that workers keep by columns, in checkpoints: each worker's shard has its columns,
// the checkpoint says how they are put together, and whoever reads it gets the whole layer.
#include <string>

#include "convoy/checkpoint/checkpoint.hpp"

namespace convoy {

/// The name of a part's columns of the weight (k = -1) or of the optimizer's k-th state in a shard.
std::string column_state_name(std::int64_t part, int k);

/// "columns" of a checkpoint's meta: the weight [units, features], of which part p ends at
/// features ends[p], and how many states the optimizer has.
nlohmann::ordered_json describe_columns(const std::string& parameter, std::int64_t units,
                                        const std::vector<std::int64_t>& ends, int states);

/// Whether the checkpoint's weights are in its shards.
bool has_columns(const CheckpointState& state);

/// Puts the columns of all shards (as CheckpointStore joins them) together: afterwards the state is
/// that of an ordinary run of the whole model. Throws InputError naming `file` when some are
/// missing or do not fit.
void join_columns(CheckpointState& state, const std::string& file);

}  // namespace convoy
