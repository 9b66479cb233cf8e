#pragma once
// How the workers of a run share what they learn. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/comm/compression_options.hpp"
#include "convoy/schema/any_options.hpp"
#include "convoy/server/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// One of strategies() (strategies/registry.hpp), such as
/// {.kind = "gossip", .own = GossipOptions{.neighbours = "random"}}, and what all of them have.
struct StrategyOptions {
  std::string kind = "synchronous";
  schema::AnyOptions own = {};
  std::string transport = "auto";  ///< between workers: auto, shm, tcp, mpi
  std::string bucket = "auto";     ///< gradients that leave together: auto, off, or MiB
  double timeout = 300;            ///< seconds that a worker may keep the others waiting
  bool balance = true;             ///< lanes move to the faster replicas and workers
  CompressionOptions compression = {};
};

/// The optimizer that applies the mean of the workers' changes.
struct OuterOptions {
  double rate = 1;  ///< 1 and no momentum: plain averaging
  double momentum = 0;
  bool nesterov = false;
};

/// local_sgd.
struct LocalSgdOptions {
  std::int64_t average_every = 16;  ///< steps of each worker between two exchanges
  OuterOptions outer = {};
};

/// elastic_averaging.
struct ElasticAveragingOptions {
  std::int64_t average_every = 16;  ///< steps of each worker between two exchanges
  double elasticity = 0.5;          ///< how far worker and centre move together
};

/// gossip.
struct GossipOptions {
  std::int64_t average_every = 16;  ///< steps of each worker between two exchanges
  std::string neighbours = "ring";  ///< ring, random
};

/// strategy.bucket in bytes; 0: gradients leave when backward has ended, -1: to be tuned. Throws
/// InputError.
std::int64_t bucket_bytes(const StrategyOptions& strategy);

void describe(schema::Visitor& v, OuterOptions& o);
void describe(schema::Visitor& v, LocalSgdOptions& o);
void describe(schema::Visitor& v, ElasticAveragingOptions& o);
void describe(schema::Visitor& v, GossipOptions& o);

namespace schema {

void describe(Visitor& v, StrategyOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
