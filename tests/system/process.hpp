#pragma once
// Runs the convoy program as a user would.
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace convoy::testing {

struct Outcome {
  int status = 0;  ///< exit status, or 128 + signal
  std::string out;
  std::string err;
};

/// Sends a signal to one process. A pid that a test did not find (-1, 0) would stand for all
/// processes, or for the test's own: the test fails instead, and nobody gets a signal.
void send_signal(pid_t pid, int number);

/// A program started in `directory`; output goes to the files NAME.out and NAME.err there.
class Process {
 public:
  /// convoy with these arguments.
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& directory);
  /// Any program: words[0], looked for on the PATH. `environment`: NAME=VALUE, added to ours.
  static Process of(std::vector<std::string> words, const std::filesystem::path& directory,
                    const std::string& name, const std::vector<std::string>& environment = {});
  ~Process();
  Process(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void kill(int signal);
  bool wait_for(std::chrono::milliseconds patience);  ///< whether it ended by then
  Outcome wait();
  std::string out() const;
  std::string err() const;
  pid_t pid() const { return pid_; }

 private:
  Process(std::vector<std::string> words, const std::filesystem::path& directory,
          const std::string& name, const std::vector<std::string>& environment);

  std::filesystem::path files_;  // without .out and .err
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

Outcome run(const std::vector<std::string>& arguments, const std::filesystem::path& directory);

}  // namespace convoy::testing
