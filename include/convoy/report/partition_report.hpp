#pragma once
// What `describe_partition` found (convoy/data/inspect/partition.hpp), for people.
#include <nlohmann/json.hpp>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// The record as tables and sentences for a terminal.
std::string format_partition_report(const nlohmann::ordered_json& record);

}  // namespace convoy

#pragma GCC visibility pop
