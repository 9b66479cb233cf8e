#pragma once
// Memory that the workers of a host share for as long as their group lives.
#include <functional>
#include <optional>

#include "comm/transports/memory/shared_memory.hpp"
#include "convoy/comm/communicator.hpp"
#include "convoy/lanes/lane.hpp"

namespace convoy {

/// One segment for each host of the group, made by the first of the host's workers, zeros at first.
/// Everybody's `fill` is called with it, and all have returned when this does; from then on the
/// segment has no name and no descriptor, and goes away with the last worker that has it mapped.
/// `bytes` may differ between hosts. Nothing on all workers when memory is refused to one of them.
/// Collective. Throws PeerError, TimeoutError.
std::optional<SharedMemory> make_host_shared_memory(Communicator& group, std::size_t bytes,
                                                    const std::function<void(std::byte*)>& fill);

/// The ranks on this worker's host.
Range local_ranks(const Communicator& group);

/// A barrier of a host's workers. Messages may be under way to and from it until the group is
/// aborted, where one of them was lost.
class HostBarrier {
 public:
  explicit HostBarrier(Communicator& group) : group_(group), workers_(local_ranks(group)) {}

  /// All workers of the host with the same tag. What they wrote before into memory that the host
  /// shares is there when it returns. Throws PeerError, TimeoutError.
  void wait(int tag);

 private:
  Communicator& group_;
  Range workers_;
  std::byte sent_{};  // what the messages consist of
  std::byte received_{};
};

}  // namespace convoy
