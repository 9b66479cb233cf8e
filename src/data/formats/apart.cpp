#include "data/formats/apart.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr char answer_mark = 'A';
constexpr char error_mark = 'E';

[[noreturn]] void fail_to_start(const std::string& file) {
  throw IoError(
      fmt::format("{}: cannot start a process to read it: {}", file, std::strerror(errno)));
}

/// In the child: what the parent wants to hear when a signal arrives does not concern it, and what
/// ends it leaves no trace.
void settle_child(std::chrono::seconds cpu_time) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGINT, SIGTERM, SIGXCPU})
    ::signal(signal, SIG_DFL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const auto seconds = static_cast<rlim_t>(cpu_time.count());
  const rlimit cpu{seconds, seconds + 1};
  ::setrlimit(RLIMIT_CPU, &cpu);
}

void write_answer(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void run_child(int answer_fd, int memory_fd, std::chrono::seconds cpu_time,
                            const std::function<std::string(ApartMemory&)>& work) {
  settle_child(cpu_time);
  std::string answer;
  try {
    ApartMemory memory(memory_fd);
    answer = answer_mark + work(memory);
  } catch (const std::bad_alloc&) {
    answer = std::string(1, error_mark) + "needs more memory than there is";
  } catch (const std::exception& error) {
    answer = error_mark + std::string(error.what());
  }
  write_answer(answer_fd, answer);
  ::_exit(0);
}

std::string read_answer(int fd) {
  std::string answer;
  char piece[4096];
  while (true) {
    const ssize_t n = ::read(fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return answer;
    answer.append(piece, static_cast<std::size_t>(n));
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

[[noreturn]] void throw_death(const std::string& file, int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    throw DataError(file, "damaged: reading it does not come to an end");
  if (WIFSIGNALED(status)) {
    throw DataError(file, fmt::format("damaged: the library that reads it fails on it ({})",
                                      ::strsignal(WTERMSIG(status))));
  }
  throw DataError(file, "damaged: the library that reads it fails on it");
}

/// "file#name: problem" as it is; to anything else the file's name is added.
[[noreturn]] void throw_error(const std::string& file, const std::string& text) {
  const std::size_t end = text.starts_with(file) ? text.find(": ", file.size()) : text.npos;
  if (end == text.npos) throw DataError(file, text);
  throw DataError(text.substr(0, end), text.substr(end + 2));
}

void map_memory(int fd, const std::string& file, ApartResult& result) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail_to_start(file);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED)
    throw IoError(fmt::format("{}: cannot map what was read: {}", file, std::strerror(errno)));
  const auto* const data = static_cast<const std::byte*>(address);
  result.bytes = {data, size};
  result.owner = std::shared_ptr<const void>(
      data, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
}

}  // namespace

std::span<std::byte> ApartMemory::allocate(std::size_t size) {
  if (size == 0) return {};
  const auto fail = [&] {
    throw IoError(fmt::format("cannot get {} bytes of memory: {}", size, std::strerror(errno)));
  };
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) fail();
  void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (address == MAP_FAILED) fail();
  return {static_cast<std::byte*>(address), size};
}

ApartResult run_apart(const std::string& file, std::chrono::seconds cpu_time,
                      const std::function<std::string(ApartMemory&)>& work) {
  const Descriptor memory(::memfd_create("convoy", MFD_CLOEXEC));
  int ends[2] = {-1, -1};
  if (memory.get() < 0 || ::pipe2(ends, O_CLOEXEC) != 0) fail_to_start(file);
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) fail_to_start(file);
  if (child == 0) run_child(to.get(), memory.get(), cpu_time, work);
  to.close();
  ApartResult result;
  result.answer = read_answer(from.get());
  const int status = wait_for(child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || result.answer.empty())
    throw_death(file, status);
  const bool failed = result.answer[0] == error_mark;
  result.answer.erase(0, 1);
  if (failed) throw_error(file, result.answer);
  map_memory(memory.get(), file, result);
  return result;
}

}  // namespace convoy
