#pragma once
// The strategies there are, by the name that `strategy.kind` gives them. A strategy declares here,
// once, what it guarantees, which of the job's keys are its own, and how it is made.
//
// One from outside registers itself before the job is read:
//
//   StrategyKind kind;
//   kind.name = "diloco";
//   kind.keys = {"average_every"};
//   ...
//   kind.make = make_diloco;
//   register_strategy(kind);
//
// Not thread-safe: register before threads start.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "convoy/strategies/strategy.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct StrategySetup;

/// A row of docs/strategies.md. W workers, M bytes of weights, H steps between exchanges.
struct StrategyGuarantee {
  std::string strategy;     ///< as people write it
  std::string consistency;  ///< what weights workers have
  std::string loss;         ///< what is lost when a worker or server fails
  std::string determinism;
  std::string bytes;                                 ///< that a worker sends a step
  std::function<bool(const StrategyOptions&)> fits;  ///< whether it speaks of these; null: of all
};

struct StrategyKind : StrategyFacts {
  std::vector<StrategyGuarantee> guarantees;
  /// What decides the bits of the weights, as flat keys of the job; `workers` 0: they come and go.
  std::function<nlohmann::ordered_json(const StrategyOptions&, int workers)> identity;
  /// Throws InputError where the options cannot work.
  std::function<std::unique_ptr<Strategy>(const StrategySetup&)> make;
};

/// Throws InputError when there is one of this name, or traits, identity or make are missing.
void register_strategy(StrategyKind kind);
/// The reverse; nothing happens where there is none of this name.
void remove_strategy(const std::string& name);
const std::vector<StrategyKind>& strategy_kinds();
/// Throws InputError for one that there is not, naming those there are.
const StrategyKind& strategy_kind(const std::string& name);

/// The job's `strategy`, of a setup.
const StrategyOptions& options_of(const StrategySetup& setup);

/// All strategies, as a Markdown table.
std::string guarantees_table();
/// What a job's strategy guarantees, as lines of text.
std::string explain_strategy(const StrategyOptions& options);

}  // namespace convoy

#pragma GCC visibility pop
