#pragma once
// Workers that load data together: what fails on one of them must stop all, at the same place.
#include <functional>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"

namespace convoy {

/// Collective. Runs `make` on every worker and returns what each returned, by rank. `make` must not
/// call the peers itself. Where it throws, every worker throws: a worker with a problem of its own
/// exception, the others InputError "worker 3 (host): MESSAGE" of the first such worker. So
/// workers stay in step whatever happens to one of them. Without peers it only calls `make`.
std::vector<std::string> gather(Peers* peers, const std::function<std::string()>& make);

/// The same for an action that has nothing to tell. (While a model is trained: agree in
/// engine/model_collectives.hpp, whose others throw PeerError.)
void agree(Peers* peers, const std::function<void()>& action);

/// "worker 2 (host)"; without a host "worker 2".
std::string worker_name(std::size_t rank, const std::string& host);

}  // namespace convoy
