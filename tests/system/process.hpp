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

/// The program started with these arguments in `directory`; output goes to files there.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& directory);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void kill(int signal);
  bool wait_for(std::chrono::milliseconds patience);  ///< whether it ended by then
  Outcome wait();
  std::string err() const;

 private:
  std::filesystem::path directory_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

Outcome run(const std::vector<std::string>& arguments, const std::filesystem::path& directory);

}  // namespace convoy::testing
