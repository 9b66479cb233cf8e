#pragma once
// What workers are told by their environment.
#include <string>
#include <vector>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// Ours, with what was meant for this process as a worker left out.
std::vector<std::string> inherited_environment();

}  // namespace convoy

#pragma GCC visibility pop
