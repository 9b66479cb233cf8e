#pragma once
// A program that is run to its end.
#include <string>
#include <vector>

namespace convoy::bench {

struct CommandResult {
  int status = 0;         ///< as shells have it
  std::string complaint;  ///< the last line it wrote to stderr, or why it could not be started
};

/// `words[0]` is looked for on the PATH. Its output is not passed on.
CommandResult run_command(const std::vector<std::string>& words);

/// Where the PATH has it; empty if nowhere. A name with a '/' is taken as it is.
std::string find_program(const std::string& name);

}  // namespace convoy::bench
