#pragma once
// What workers write, passed on with their numbers before each line.
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "launch/worker_process.hpp"

namespace convoy {

/// All of it, to a descriptor that may be slow.
void write_all_of(int fd, std::string_view text);

/// A line of the launcher's own to stderr, in one piece: other threads say something too.
void log_line(const std::string& line);

class OutputRelay {
 public:
  /// Lines of worker `number` to stdout or stderr.
  void pass_on(int number, const std::vector<std::string>& lines, int to);

 private:
  bool logged_already(int number, const std::string& line);

  struct LoggedLine {
    int number;
    std::chrono::steady_clock::time_point when;
  };
  std::map<std::string, LoggedLine> logged_;
};

/// "was killed by signal 9 (SIGKILL)", "failed with status 1: disk full". `last_error_line`: of the
/// worker, may be empty.
std::string describe(const Ending& ending, std::string_view last_error_line);

}  // namespace convoy
