#pragma once
// What workers are told by their environment.
#include <string>
#include <vector>

namespace convoy {

/// Ours, with what was meant for this process as a worker left out.
std::vector<std::string> inherited_environment();

}  // namespace convoy
