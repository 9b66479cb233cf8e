#pragma once
// Starts the workers of `convoy bench comm` and brings back what they measured.
#include "bench/comm_worker.hpp"

namespace convoy::bench {

/// `program` is the command of this program; its `bench comm --worker` is what the workers run.
/// Under mpirun where that is possible and wanted, which makes every transport possible; else by
/// the launcher. Throws Error when the workers fail.
CommResult start_comm(const std::string& program, int workers, const CommOptions& options);

/// What each worker runs: measures, and worker 0 writes the result to `folder`.
void run_comm_worker(const CommOptions& options, const std::filesystem::path& folder);

}  // namespace convoy::bench
