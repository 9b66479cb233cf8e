#pragma once
// Signals as bytes that poll() can wait for.
#include <csignal>
#include <map>

namespace convoy {

/// While it lives, the signals that ask a program to end, and those of ended children, are written
/// to a pipe instead of having their effect. One at a time in a process.
///
/// A handler and not signalfd: that needs the signals blocked in every thread, and libraries start
/// threads before we are asked.
class SignalPipe {
 public:
  SignalPipe();
  ~SignalPipe();
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;
  int fd() const { return ends_[0]; }
  /// The next signal that came, 0 for none.
  int next();

 private:
  void watch(int signal);

  int ends_[2];
  std::map<int, struct sigaction> before_;
};

}  // namespace convoy
