#pragma once
// What is known of a strategy before it is made: what a job that names it is checked by. No
// libtorch in this header.
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// What a strategy promises, whatever the job.
struct StrategyTraits {
  bool same_bits = false;  ///< the same weights whoever takes part, and after failures
  bool alike = false;      ///< all workers have the same weights, so unlike processors are refused
  bool elastic = false;    ///< workers may come and go
  bool servers = false;    ///< workers work with parameter servers, not with each other
  bool columns = false;    ///< features may be partitioned by column
  bool own_steps = false;  ///< workers take steps of their own, with weights of their own meanwhile
  int backups = 0;         ///< with servers: how many more of them have each part of the weights
};

/// Options of `strategy` that are right by themselves and impossible together.
struct StrategyProblem {
  std::string key;                       ///< the one to be changed, from `strategy.` on
  std::string problem;                   ///< what is wrong with it; what to write instead
  std::vector<std::string> places = {};  ///< keys that the job may give in its place
};

}  // namespace convoy

#pragma GCC visibility pop
