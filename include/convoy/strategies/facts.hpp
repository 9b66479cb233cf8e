#pragma once
// What is known of a strategy before it is made: what a job that names it is checked by. No
// libtorch in this header, nor in what it declares.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

struct StrategyOptions;

/// What a strategy promises, whatever the job.
struct StrategyTraits {
  bool same_bits = false;  ///< the same weights whoever takes part, and after failures
  bool alike = false;      ///< all workers have the same weights, so unlike processors are refused
  bool elastic = false;    ///< workers may come and go
  bool servers = false;    ///< workers work with parameter servers, not with each other
  bool columns = false;    ///< features may be partitioned by column
  bool own_steps = false;  ///< workers take steps of their own, with weights of their own meanwhile
};

/// Options of `strategy` that are right by themselves and impossible together.
struct StrategyProblem {
  std::string key;                       ///< the one to be changed, from `strategy.` on
  std::string problem;                   ///< what is wrong with it; what to write instead
  std::vector<std::string> places = {};  ///< keys that the job may give in its place
};

struct StrategyFacts {
  std::string name;
  std::vector<std::string> keys;  ///< of `strategy`, those that count with this kind only
  std::function<StrategyTraits(const StrategyOptions&)> traits;
  /// What cannot work of the options, if anything; null: all of them go together.
  std::function<std::optional<StrategyProblem>(const StrategyOptions&)> problem;
};

/// Of every strategy: those that come with Convoy, and those that were registered since
/// (strategies/registry.hpp, which keeps this list).
std::vector<StrategyFacts>& all_strategy_facts();
/// Throws InputError for one that there is not, naming those there are.
const StrategyFacts& strategy_facts(const std::string& name);
/// What `options`' strategy promises.
StrategyTraits strategy_traits(const StrategyOptions& options);

/// What `strategy.kind` may be.
std::vector<std::string> strategy_names();
/// The kinds that have a trait, whatever else the job says: "parameter_server"; "a or b".
std::string strategies_that_have(bool StrategyTraits::*trait);
/// The kinds for which a key of `strategy` counts; empty: for all.
std::vector<std::string> strategies_with(const std::string& key);

}  // namespace convoy

#pragma GCC visibility pop
