#include "bench/measure/run_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "convoy/core/error.hpp"
#include "launch/worker_environment.hpp"
#include "launch/worker_process.hpp"

namespace convoy::bench {

std::string find_program(const std::string& name) {
  const auto runs = [](const std::string& path) { return ::access(path.c_str(), X_OK) == 0; };
  if (name.find('/') != std::string::npos) return runs(name) ? name : "";
  const char* path = std::getenv("PATH");
  for (std::string_view left = path == nullptr ? "" : path; !left.empty();) {
    const std::size_t end = std::min(left.find(':'), left.size());
    std::string file = (std::filesystem::path(left.substr(0, end)) / name).string();
    if (runs(file)) return file;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return "";
}

CommandResult run_command(const std::vector<std::string>& words) {
  const std::string program = find_program(words[0]);
  if (program.empty()) return {127, fmt::format("there is no {} on the PATH", words[0])};
  CommandResult result;
  WorkerProcess process({program, words, inherited_environment()});
  while (!process.reap()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (const std::string& line : process.err.drain())
    if (!line.empty()) result.complaint = line;
  result.status = process.ending()->shell_status();
  return result;
}

}  // namespace convoy::bench
