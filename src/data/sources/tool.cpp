#include "data/sources/tool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "convoy/core/error.hpp"

extern char** environ;

namespace convoy {
namespace {

/// The line of a tool's output that says what went wrong: the first that is an error and not just
/// its code.
std::string telling_line(const std::string& output) {
  constexpr const char* marks[] = {"E: ", "npm error", "npm ERR!", "tar: ", "dpkg-deb: error"};
  std::string last;
  std::size_t start = 0;
  while (start < output.size()) {
    const std::size_t end = std::min(output.find('\n', start), output.size());
    const std::string line = output.substr(start, end - start);
    start = end + 1;
    const bool error = std::any_of(std::begin(marks), std::end(marks),
                                   [&](const char* mark) { return line.starts_with(mark); });
    const bool code = line.find("error code ") != std::string::npos ||
                      line.find("error errno ") != std::string::npos ||
                      line.find("error syscall ") != std::string::npos ||
                      line.find("ERR! code ") != std::string::npos;
    if (error && !code) return line;
    if (!line.empty()) last = line;
  }
  return last.empty() ? "no message" : last;
}

std::string read_to_end(int fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

void run_tool(const std::vector<std::string>& command, const std::filesystem::path& directory,
              const std::string& source, const char* package) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw IoError(fmt::format("cannot create a pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  const std::string output = error == 0 ? read_to_end(ends[0]) : "";
  ::close(ends[0]);
  if (error == ENOENT) {
    throw InputError(fmt::format("cannot fetch {}: {} is not installed; apt-get install {}", source,
                                 command[0], package));
  }
  if (error != 0) throw IoError(fmt::format("cannot run {}: {}", command[0], std::strerror(error)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw InputError(
      fmt::format("cannot fetch {}: {}: {}", source, command[0], telling_line(output)));
}

std::filesystem::path only_file(const std::filesystem::path& directory, const std::string& ending,
                                const std::string& source) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().string().ends_with(ending)) return entry.path();
  }
  throw IoError(fmt::format("cannot fetch {}: the download left no {} file", source, ending));
}

bool consists_of(std::string_view text, std::string_view first, std::string_view allowed) {
  return !text.empty() && first.find(text[0]) != std::string_view::npos &&
         text.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace convoy
