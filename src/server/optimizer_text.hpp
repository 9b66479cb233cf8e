#pragma once
#include <nlohmann/json.hpp>

#include "convoy/optim/options.hpp"

namespace convoy::server {

/// As it travels within a plan or a table.
nlohmann::json json_of(const OptimizerOptions& options);
/// Throws nlohmann::json::exception.
OptimizerOptions optimizer_of(const nlohmann::json& json);

}  // namespace convoy::server
