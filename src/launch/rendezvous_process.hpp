#pragma once
// The rendezvous as a process of its own: it may be lost, and is started anew with what it knew.
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/secret.hpp"
#include "core/temporary_folder.hpp"
#include "launch/worker_process.hpp"

namespace convoy {

struct RendezvousProcessOptions {
  std::string program;              ///< path of convoy
  Endpoint listen{"127.0.0.1", 0};  ///< port 0: any that is free, the same one ever after
  Secret secret;
  std::function<void(const std::string&)> log;  ///< told what happens, one line each
};

/// Runs `convoy rendezvous` until it is destroyed. It dies with the thread that started it last,
/// whatever ends that. Its journal is in a folder of ours that goes away with this object.
class RendezvousProcess {
 public:
  /// It listens when this returns. Throws ListenError as RendezvousServer does, IoError when the
  /// program cannot be started, Error when it ends at once or says nothing for half a minute.
  explicit RendezvousProcess(RendezvousProcessOptions options);
  ~RendezvousProcess() = default;
  RendezvousProcess(const RendezvousProcess&) = delete;
  RendezvousProcess& operator=(const RendezvousProcess&) = delete;

  /// Where it is, and will be.
  const Endpoint& endpoint() const { return options_.listen; }
  /// Passes on what it said and, if it has died, starts it anew on the same port with the same
  /// journal: true then. To be called a few times a second, and after a SIGCHLD or when
  /// `descriptor()` can be read. Doesn't wait until it listens. If it dies again and again, it is
  /// started about once a second. Throws IoError when it cannot be started.
  bool restart_if_dead();
  /// For poll(): it said something, or died. -1 while it is not running.
  int descriptor() const { return process_->err.fd(); }
  /// Of the one that runs now or did last.
  pid_t pid() const { return process_->pid(); }

 private:
  using Clock = std::chrono::steady_clock;

  void start();
  void await_port();
  void pass_on(const std::vector<std::string>& lines);

  RendezvousProcessOptions options_;
  TemporaryFolder folder_;
  std::optional<WorkerProcess> process_;
  Clock::time_point started_{};
  std::string last_line_;  // that it said
};

}  // namespace convoy
