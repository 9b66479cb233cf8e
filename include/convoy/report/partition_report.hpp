#pragma once
// What `describe_partition` found (convoy/data/inspect/partition.hpp), for people.
#include <nlohmann/json.hpp>
#include <string>

namespace convoy {

/// The record as tables and sentences for a terminal.
std::string format_partition_report(const nlohmann::ordered_json& record);

}  // namespace convoy
