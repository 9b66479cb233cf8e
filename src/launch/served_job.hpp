#pragma once
// What the launchers of a job with parameter servers know of it from the rendezvous.
#include <sys/types.h>

#include <chrono>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"

namespace convoy {

class ServedJob {
 public:
  ServedJob(const Endpoint& rendezvous, const Secret& secret, std::chrono::milliseconds timeout);

  struct Size {
    int workers = 0;
    int servers = 0;
    int hosts = 1;
    int least = 0;  ///< workers that the first step waits for
  };
  /// What the job begins with, for those who join it.
  void publish_size(const Size& size);
  /// The same, as published by others. Throws TimeoutError when nobody does in time.
  Size wait_for_size(std::chrono::milliseconds patience);

  /// Numbers that nobody in the job had so far: the first of so many.
  int new_workers(int count);
  int new_server();
  int new_host();

  /// Whether some worker has begun to coordinate the run. Does not throw: without a rendezvous, no.
  bool has_coordinator();
  /// Whether the run is over and all is kept of it. Likewise.
  bool is_finished();
  /// Whether workers are at work, on any host. Likewise.
  bool has_workers();
  /// Which of these processes of this host the job took for lost because they were silent for too
  /// long: stopped, they may run still. Likewise.
  std::vector<pid_t> silent(const std::vector<pid_t>& pids);

 private:
  int next(const char* what, int first, int count);

  RendezvousClient client_;
  Size size_;
};

}  // namespace convoy
