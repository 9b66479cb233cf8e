#pragma once
// The launchers of one job, one on each host, as they agree on numbers and on how the job ended.
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "session/verdict.hpp"

namespace convoy {

struct HostGroupOptions {
  int hosts = 1;
  std::optional<int> host;  ///< this one's number; without it, the first that is free
  int workers = 1;          ///< on this host
  int servers = 0;          ///< parameter servers on this host
  Endpoint rendezvous;
  Secret secret;
  std::chrono::milliseconds wait{300'000};  ///< for all hosts to come
  std::function<void(const std::string&)> log;
};

/// The launcher whose machine has the rendezvous address serves it; all of them are clients.
/// A launcher that goes without leave() is the end of the job: the rendezvous says so for it.
/// Thread-compatible.
class HostGroup {
 public:
  /// Returns when all hosts came. Throws TimeoutError naming how many did, AuthenticationError,
  /// InputError when the hosts disagree, and Error when the job ended before it began.
  explicit HostGroup(HostGroupOptions options);
  ~HostGroup();
  HostGroup(const HostGroup&) = delete;
  HostGroup& operator=(const HostGroup&) = delete;

  int host() const;
  int first_rank() const;    ///< of this host's workers
  int total() const;         ///< workers on all hosts
  int first_server() const;  ///< of this host's parameter servers
  int servers() const;       ///< on all hosts

  /// Readable once there is a verdict.
  int verdict_fd() const;
  /// Losing the rendezvous is one too.
  std::optional<Verdict> verdict() const;
  /// The first that any host gives holds. Does not throw: if it can't be told, the others notice.
  void give_verdict(const Verdict& verdict);
  /// This host's workers ended. Once that is so on all hosts, what the last one says is the
  /// verdict.
  void workers_done(const Verdict& verdict);
  /// Before the end: the others know the verdict. Who serves waits until they took note.
  void leave(std::chrono::milliseconds patience);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy
