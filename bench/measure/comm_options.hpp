#pragma once
// What `convoy bench comm` is to measure.
#include <cstdint>
#include <string>
#include <vector>

#include "bench/measure/link.hpp"

namespace convoy::bench {

struct CommOptions {
  std::vector<std::string> transports = {"thread", "shm", "tcp", "tcp-encrypted",
                                         "mpi"};                          ///< Convoy's
  std::vector<std::string> peers = {"gloo", "mpi", "sockets", "memory"};  ///< and beside them
  std::int64_t from = 4;           ///< bytes; then four times as much, and so on
  std::int64_t to = 256 << 20;     ///< bytes, the last
  double seconds = 0.3;            ///< for each contestant and size
  std::string python = "python3";  ///< that has torch
  Link link;
  std::string program;  ///< this one, for the processes that are started
};

/// The sizes to measure: multiples of four bytes.
std::vector<std::int64_t> sizes(const CommOptions& options);

// The names of contestants that are no transport of Convoy's.
constexpr const char* gloo = "gloo";
constexpr const char* open_mpi = "Open MPI";
constexpr const char* open_mpi_tcp = "Open MPI TCP";
constexpr const char* bare_sockets = "bare sockets";
constexpr const char* memory_limit = "memory limit";
constexpr const char* memory_pass = "one pass";

}  // namespace convoy::bench
