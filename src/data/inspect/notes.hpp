#pragma once
// What deserves a look in data, in one line each.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace convoy {

/// From a record of `inspect_job` that is complete but for its notes.
std::vector<std::string> notes_on(const nlohmann::ordered_json& record);

}  // namespace convoy
