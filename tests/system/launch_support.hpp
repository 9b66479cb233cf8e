#pragma once
// The launcher with shell scripts as workers.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "core/temporary_folder.hpp"
#include "launch/launcher.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

class Folder : public TemporaryFolder {
 public:
  std::filesystem::path operator/(const std::string& file) const { return path() / file; }
  std::string read(const std::string& file) const {
    std::ifstream in(path() / file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
};

inline LaunchOptions of_script(const std::string& script, int workers) {
  LaunchOptions options;
  options.program = "/bin/sh";
  options.arguments = {"sh", "-c", script};
  options.workers = workers;
  return options;
}

// A launcher in a process of its own.
class Launched {
 public:
  Launched(const Folder& folder, LaunchOptions options, std::string name = "launcher")
      : folder_(folder), name_(std::move(name)) {
    const std::string out = folder_ / (name_ + ".out"), err = folder_ / (name_ + ".err");
    std::fflush(nullptr);  // what is buffered is ours to say
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), 1);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), 2);
    int status = 99;
    try {
      status = launch(options);
    } catch (const std::exception& error) {
      const std::string text = std::string(error.what()) + "\n";
      [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
    }
    ::_exit(status);
  }
  ~Launched() {
    if (pid_ < 0) return;
    kill(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Launched(const Launched&) = delete;
  Launched& operator=(const Launched&) = delete;

  void kill(int signal) const {
    if (pid_ > 0) ::kill(pid_, signal);  // -1 would be every process of the machine
  }
  Outcome wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out(), err()};
  }
  std::string out() const { return folder_.read(name_ + ".out"); }
  std::string err() const { return folder_.read(name_ + ".err"); }

 private:
  const Folder& folder_;
  std::string name_;
  pid_t pid_;
};

inline bool comes_true(const std::function<bool()>& condition,
                       std::chrono::milliseconds patience = 20s) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

// The processes whose ids are the lines of this text and that still run.
inline int alive(const std::string& pids) {
  int count = 0;
  for (const std::string& pid : lines_of(pids)) {
    std::ifstream stat("/proc/" + pid + "/stat");
    std::string line;
    if (std::getline(stat, line) && line.substr(line.rfind(')') + 2, 1) != "Z") ++count;
  }
  return count;
}

inline std::uint16_t free_port() {
  return RendezvousServer({"127.0.0.1", 0, Secret::generate(), {}}).port();
}

inline LaunchOptions of_host(int host, std::uint16_t port, const std::string& script, int workers) {
  LaunchOptions options = of_script(script, workers);
  options.hosts = 2;
  options.host = host;
  options.rendezvous = Endpoint{"127.0.0.1", port};
  options.secret = Secret("the secret of two hosts");
  options.wait = 20s;
  return options;
}

inline constexpr const char* writes_a_checkpoint = R"(
  trap 'sleep 0.3; echo checkpoint; exit 130' TERM
  echo ready
  while :; do sleep 0.02; done)";

}  // namespace convoy::testing
