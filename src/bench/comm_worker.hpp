#pragma once
// The measuring side of `convoy bench comm`: every worker runs this.
#include <filesystem>
#include <string>
#include <vector>

#include "bench/comm_result.hpp"
#include "convoy/comm/group.hpp"

namespace convoy::bench {

struct CommOptions {
  std::vector<std::string> transports = {"thread", "shm", "tcp", "mpi"};
  std::int64_t from = 4 << 10;  ///< bytes; then four times as much, and so on
  std::int64_t to = 256 << 20;  ///< bytes, the last
  double seconds = 0.3;         ///< for each contestant and size
};

/// The sizes to measure: multiples of four bytes.
std::vector<std::int64_t> sizes(const CommOptions& options);

constexpr const char* c10d_gloo = "c10d gloo";
constexpr const char* open_mpi = "Open MPI";
constexpr const char* memory_limit = "memory limit";
constexpr const char* memory_pass = "one pass";

/// Measures together with all workers of `place`. `folder` is one that they share. The result on
/// worker 0, without its starter; the others' is of no use. Throws Error when a contestant computes
/// something else than the sum.
CommResult measure_comm(const WorkerPlace& place, const CommOptions& options,
                        const std::filesystem::path& folder);

}  // namespace convoy::bench
