#pragma once
// How the workers of a run share what they learn. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/comm/compression_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The optimizer that applies the mean of the workers' changes (local_sgd).
struct OuterOptions {
  double rate = 1;  ///< 1 and no momentum: plain averaging
  double momentum = 0;
  bool nesterov = false;
};

/// A strategy; which members count depends on `kind`.
struct StrategyOptions {
  std::string kind = "synchronous";  ///< strategy_names() in strategies/facts.hpp
  std::string transport = "auto";    ///< between workers: auto, shm, tcp, mpi
  std::string bucket = "auto";       ///< gradients that leave together: auto, off, or MiB
  double timeout = 300;              ///< seconds that a worker may keep the others waiting
  bool balance = true;               ///< lanes move to the faster replicas and workers
  CompressionOptions compression;
  // parameter_server
  std::string consistency = "bsp";      ///< bsp, ssp, async
  std::int64_t staleness = 4;           ///< ssp: steps that a worker may be ahead of the slowest
  std::int64_t servers = 1;             ///< that share the weights
  std::int64_t backups = 0;             ///< 1: each range of the weights is on a second server too
  std::string compensation = "none";    ///< of delays: none, dc_asgd, staleness
  double compensation_strength = 0.04;  ///< dc_asgd: lambda
  bool prefetch = false;                ///< async: the next task's weights come during a task
  // local_sgd, elastic_averaging, gossip
  std::int64_t average_every = 16;  ///< steps of each worker between two exchanges
  OuterOptions outer;               ///< local_sgd
  double elasticity = 0.5;          ///< elastic_averaging: how far worker and centre move together
  std::string neighbours = "ring";  ///< gossip: ring, random
};

/// strategy.bucket in bytes; 0: gradients leave when backward has ended, -1: to be tuned. Throws
/// InputError.
std::int64_t bucket_bytes(const StrategyOptions& strategy);

namespace schema {

class Visitor;

void describe(Visitor& v, OuterOptions& o);
void describe(Visitor& v, StrategyOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
