#pragma once
// One worker as a child process: started, listened to, ended.
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

// How a worker ends that was interrupted, or met the end of another one (convoy/core/error.hpp).
constexpr int interrupted_status = 130;
constexpr int lost_a_peer = 75;
constexpr int refused_worker = 78;  // another one of this host would be, too

struct WorkerCommand {
  std::string program;
  std::vector<std::string> arguments;    ///< with the zeroth
  std::vector<std::string> environment;  ///< NAME=VALUE, all of it
  int inherited = -1;                    ///< a descriptor that the worker gets too
};

/// One of a worker's output streams, cut into lines.
class OutputStream {
 public:
  OutputStream() = default;
  /// Owns the descriptor, which must be non-blocking.
  explicit OutputStream(int fd) : fd_(fd) {}
  ~OutputStream();
  OutputStream(OutputStream&& other) noexcept { *this = std::move(other); }
  OutputStream& operator=(OutputStream&& other) noexcept;
  /// -1 once it is closed.
  int fd() const { return fd_; }
  /// The lines that came, without their ends. Closes the stream at its end, when the last line
  /// counts even if it was not ended.
  std::vector<std::string> read_lines();
  /// What is there now, and no more: the worker has ended.
  std::vector<std::string> drain();

 private:
  void take(std::vector<std::string>& lines);
  void close();

  int fd_ = -1;
  std::string partial_;
};

/// How a process ended.
struct Ending {
  int status = 0;  ///< as of exit()
  int signal = 0;  ///< that killed it, 0 for none
  /// As shells have it: the status, or 128 + signal.
  int shell_status() const { return signal != 0 ? 128 + signal : status; }
};

/// A process that is the leader of its own group, so that Ctrl-C on a terminal does not reach it,
/// and that dies with the thread that started it, whatever ends that. Reads nothing (/dev/null).
class WorkerProcess {
 public:
  /// Runs once it returns. Throws IoError when the program cannot be started.
  explicit WorkerProcess(const WorkerCommand& command);
  /// Kills what is left of the group.
  ~WorkerProcess();
  WorkerProcess(WorkerProcess&& other) noexcept;
  WorkerProcess& operator=(WorkerProcess&&) = delete;

  pid_t pid() const { return pid_; }
  bool running() const { return !ending_; }
  const std::optional<Ending>& ending() const { return ending_; }
  /// Sends a signal to the whole group.
  void signal(int number) const;
  /// Whether it has ended now and had not before. What it started and left behind is killed.
  bool reap();

  OutputStream out;
  OutputStream err;

 private:
  pid_t pid_ = -1;
  std::optional<Ending> ending_;
};

}  // namespace convoy

#pragma GCC visibility pop
