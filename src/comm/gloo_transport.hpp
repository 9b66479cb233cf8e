#pragma once
// Messages over TCP by gloo, through libtorch's c10d.
#include <functional>

#include "comm/transport.hpp"

namespace convoy {

/// Where gloo's addresses are exchanged: an authenticated store.
struct GlooStore {
  std::function<void(const std::string& key, const std::string& value)> set;
  std::function<std::string(const std::string& key)> get;  ///< waits for it
  std::function<bool(const std::string& key)> has;
};

/// Connects to every other rank: call it on all of them. Listens on `address` (numeric) only.
/// Throws PeerError when not all came before `timeout`.
std::unique_ptr<Transport> gloo_transport(GlooStore store, const std::string& address, int rank,
                                          int size, std::chrono::milliseconds timeout);

}  // namespace convoy
