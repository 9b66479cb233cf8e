#include "launch/signal_pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

std::atomic<int> write_end{-1};

void on_signal(int signal) {
  const int before = errno;
  const char byte = static_cast<char>(signal);
  [[maybe_unused]] const auto written = ::write(write_end.load(), &byte, 1);
  errno = before;
}

}  // namespace

SignalPipe::SignalPipe() {
  if (::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) throw IoError("no pipe for signals");
  write_end = ends_[1];
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) watch(signal);
  // nohup ignores it, and means it.
  struct sigaction hang_up {};
  ::sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) watch(SIGHUP);
}

SignalPipe::~SignalPipe() {
  for (const auto& [signal, action] : before_) ::sigaction(signal, &action, nullptr);
  write_end = -1;
  for (const int end : ends_) ::close(end);
}

int SignalPipe::next() {
  char byte = 0;
  return ::read(ends_[0], &byte, 1) == 1 ? byte : 0;
}

void SignalPipe::watch(int signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, &before_[signal]);
}

}  // namespace convoy
