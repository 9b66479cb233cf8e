#pragma once
// Starts the workers of `convoy bench comm` and brings back what they measured.
#include "bench/measure/comm_worker.hpp"

namespace convoy::bench {

/// The workers run `bench comm --worker` of `options.program`, each on a host of its own where the
/// link is between hosts. Throws NoHosts (measure/hosts.hpp) where there can be none, Error when
/// the workers fail.
CommResult start_comm(int workers, const CommOptions& options);

/// What each worker runs: measures, and worker 0 writes the result to `folder`. `hosts` names the
/// Hosts that they are to enter; empty: none.
void run_comm_worker(const CommOptions& options, const std::filesystem::path& folder,
                     const std::string& hosts);

}  // namespace convoy::bench
