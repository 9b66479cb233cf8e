#pragma once
// What a job says of parameter servers. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/schema/schema.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Of the strategy parameter_server. Servers have them as they are, in their plans.
struct ParameterServerOptions {
  std::string consistency = "bsp";      ///< bsp, ssp, async
  std::int64_t staleness = 4;           ///< ssp: steps that a worker may be ahead of the slowest
  std::int64_t servers = 1;             ///< that share the weights
  std::int64_t backups = 0;             ///< 1: each range of the weights is on a second server too
  std::string compensation = "none";    ///< of delays: none, dc_asgd, staleness
  double compensation_strength = 0.04;  ///< dc_asgd: lambda
  bool prefetch = false;                ///< async: the next task's weights come during a task
};

void describe(schema::Visitor& v, ParameterServerOptions& o);

}  // namespace convoy

#pragma GCC visibility pop
