#include "launch/worker_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

// A line without an end must not fill the memory.
constexpr std::size_t longest_line = std::size_t{1} << 20;

struct Pipe {
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw IoError(fmt::format("no pipe for a worker: {}", std::strerror(errno)));
  }
  ~Pipe() {
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int take_read_end() { return std::exchange(ends[0], -1); }
  void close_write_end() { ::close(std::exchange(ends[1], -1)); }
  int ends[2] = {-1, -1};
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  int out, err, report, inherited;
  pid_t parent = 0;
  const sigset_t* mask = nullptr;
};

// Between fork and exec of a process that has threads: nothing that could take a lock.
[[noreturn]] void become_worker(const ChildPlan& plan) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127);  // it died before that could have an effect
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGPIPE}) ::signal(signal, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, plan.mask, nullptr);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(plan.out, STDOUT_FILENO);
  ::dup2(plan.err, STDERR_FILENO);
  if (plan.inherited >= 0) ::fcntl(plan.inherited, F_SETFD, 0);
  ::execve(plan.program, plan.arguments, plan.environment);
  const int problem = errno;
  [[maybe_unused]] const auto written = ::write(plan.report, &problem, sizeof(problem));
  ::_exit(127);
}

// No signal is handled in the child before it has its own handlers: ours would speak for us.
pid_t fork_worker(ChildPlan plan) {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  plan.mask = &before;
  plan.parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become_worker(plan);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw IoError(fmt::format("cannot start a worker: {}", std::strerror(errno)));
  ::setpgid(pid, pid);  // here too, so that it is done whoever runs first
  return pid;
}

// Waits for exec; the errno of its failure, or 0.
int exec_problem(int report) {
  int problem = 0;
  ssize_t got = 0;
  do got = ::read(report, &problem, sizeof(problem));
  while (got < 0 && errno == EINTR);
  return got == sizeof(problem) ? problem : 0;
}

}  // namespace

OutputStream::~OutputStream() {
  close();
}

OutputStream& OutputStream::operator=(OutputStream&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(partial_, other.partial_);
  return *this;
}

std::vector<std::string> OutputStream::read_lines() {
  std::vector<std::string> lines;
  std::array<char, 65536> buffer;
  const auto got = ::read(fd_, buffer.data(), buffer.size());
  if (got > 0) {
    partial_.append(buffer.data(), static_cast<std::size_t>(got));
    take(lines);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    if (!partial_.empty()) lines.push_back(std::move(partial_));
    close();
  }
  return lines;
}

std::vector<std::string> OutputStream::drain() {
  std::vector<std::string> lines;
  std::array<char, 65536> buffer;
  while (fd_ >= 0) {
    const auto got = ::read(fd_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    partial_.append(buffer.data(), static_cast<std::size_t>(got));
    take(lines);
  }
  if (!partial_.empty()) lines.push_back(std::move(partial_));
  close();
  return lines;
}

void OutputStream::take(std::vector<std::string>& lines) {
  std::size_t begin = 0;
  for (std::size_t end; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(partial_.substr(begin, end - begin));
  partial_.erase(0, begin);
  if (partial_.size() > longest_line) lines.push_back(std::exchange(partial_, {}));
}

void OutputStream::close() {
  partial_.clear();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

WorkerProcess::WorkerProcess(const WorkerCommand& command) {
  Pipe out_pipe, err_pipe, report;
  const auto arguments = pointers(command.arguments);
  const auto environment = pointers(command.environment);
  pid_ = fork_worker({.program = command.program.c_str(),
                      .arguments = arguments.data(),
                      .environment = environment.data(),
                      .out = out_pipe.ends[1],
                      .err = err_pipe.ends[1],
                      .report = report.ends[1],
                      .inherited = command.inherited});
  report.close_write_end();
  if (const int problem = exec_problem(report.ends[0])) {
    ::waitpid(pid_, nullptr, 0);
    throw IoError(fmt::format("cannot start {}: {}", command.program, std::strerror(problem)));
  }
  for (const auto& [pipe, stream] : {std::pair(&out_pipe, &out), std::pair(&err_pipe, &err)}) {
    const int fd = pipe->take_read_end();
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    *stream = OutputStream(fd);
  }
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept
    : out(std::move(other.out)),
      err(std::move(other.err)),
      pid_(std::exchange(other.pid_, -1)),
      ending_(other.ending_) {}

WorkerProcess::~WorkerProcess() {
  if (pid_ < 0 || ending_) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void WorkerProcess::signal(int number) const {
  if (running()) ::kill(-pid_, number);
}

bool WorkerProcess::reap() {
  if (!running()) return false;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid != pid_)
    return false;
  // While it is not yet waited for, its id is nobody else's.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  ending_ = WIFSIGNALED(status) ? Ending{0, WTERMSIG(status)} : Ending{WEXITSTATUS(status), 0};
  return true;
}

}  // namespace convoy
