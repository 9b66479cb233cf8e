#include "system/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "paths.hpp"

namespace convoy::testing {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> convoy_with(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {convoy::testing::program_path()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::filesystem::path& directory)
    : Process(convoy_with(arguments), directory, "convoy", {}) {}

Process Process::of(std::vector<std::string> words, const std::filesystem::path& directory,
                    const std::string& name, const std::vector<std::string>& environment) {
  return {std::move(words), directory, name, environment};
}

Process::Process(std::vector<std::string> words, const std::filesystem::path& directory,
                 const std::string& name, const std::vector<std::string>& environment)
    : files_(directory / name) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string out = files_.string() + ".out";
  const std::string err = files_.string() + ".err";
  pid_ = ::fork();
  if (pid_ != 0) return;
  for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
  const int null = ::open("/dev/null", O_RDONLY);
  const int out_fd = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int err_fd = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::dup2(null, 0);
  ::dup2(out_fd, 1);
  ::dup2(err_fd, 2);
  if (::chdir(directory.c_str()) != 0) ::_exit(126);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

Process::Process(Process&& other) noexcept
    : files_(std::move(other.files_)),
      pid_(other.pid_),
      ended_(std::exchange(other.ended_, true)),
      status_(other.status_) {}

Process::~Process() {
  if (ended_) return;
  kill(SIGKILL);
  wait();
}

void Process::kill(int signal) {
  if (!ended_ && pid_ > 0) ::kill(pid_, signal);  // -1 would be every process of the machine
}

bool Process::wait_for(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!ended_) {
    if (::waitpid(pid_, &status_, WNOHANG) == pid_) {
      ended_ = true;
    } else if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  return true;
}

Outcome Process::wait() {
  if (!ended_) ::waitpid(pid_, &status_, 0);
  ended_ = true;
  const int status = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  return {status, out(), err()};
}

std::string Process::out() const {
  return content(files_.string() + ".out");
}

std::string Process::err() const {
  return content(files_.string() + ".err");
}

Outcome run(const std::vector<std::string>& arguments, const std::filesystem::path& directory) {
  return Process(arguments, directory).wait();
}

}  // namespace convoy::testing
