#pragma once
// The measuring side of `convoy bench comm`: every worker runs this.
#include <filesystem>
#include <string>

#include "bench/measure/comm_options.hpp"
#include "bench/measure/comm_result.hpp"
#include "convoy/comm/group.hpp"

namespace convoy::bench {

/// Measures together with all workers of `place`; folder and hosts as CommField has them. The
/// result on worker 0, without what its starter adds; the others' is of no use. Throws Error when a
/// contestant computes something else than the sum.
CommResult measure_comm(const WorkerPlace& place, const CommOptions& options,
                        const std::filesystem::path& folder, const std::string& hosts);

}  // namespace convoy::bench
