#pragma once
// A switch that holds every frame back for a fixed time, for kernels without netem.
//
// Its limits: it copies each frame twice in user space, which takes part of a core away from what
// is measured; frames leave when its thread runs, some 0.1 ms late and more where all cores are
// busy; it knows no rate, loss, order other than that in which frames came, nor jitter of its own.
// Beyond the sockets' buffers (64 MiB each) frames are lost, as in any switch.
#include <memory>
#include <string>
#include <vector>

namespace convoy::bench {

class DelayRelay {
 public:
  /// Joins the `ports`, network devices of that namespace, by frames that arrive `seconds` later.
  /// Works until it is destroyed. Throws NoHosts.
  DelayRelay(const std::string& network_namespace, const std::vector<std::string>& ports,
             double seconds);
  ~DelayRelay();
  DelayRelay(const DelayRelay&) = delete;
  DelayRelay& operator=(const DelayRelay&) = delete;

 private:
  class Switch;
  std::unique_ptr<Switch> switch_;
};

}  // namespace convoy::bench
