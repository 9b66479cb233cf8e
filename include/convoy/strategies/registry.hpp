#pragma once
// The strategies there are, by the name that `strategy.kind` gives them. A strategy declares here,
// once, its options, what it guarantees, and how it is made. One file adds one, in Convoy or
// outside, by a variable of namespace scope:
//
//   struct DilocoOptions { std::int64_t average_every = 16; };
//   void describe(schema::Visitor& v, DilocoOptions& o) { ... }
//
//   StrategyKind diloco_kind() {
//     StrategyKind kind{{.name = "diloco", .doc = "...", .options = DilocoOptions{}}};
//     kind.traits = ...
//     kind.make = ...
//     return kind;
//   }
//   const schema::Registered diloco(strategies(), diloco_kind());
//
// Not thread-safe: register before threads start. No libtorch in this header.
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/schema/registry.hpp"
#include "convoy/strategies/options.hpp"
#include "convoy/strategies/traits.hpp"

#pragma GCC visibility push(default)

namespace convoy {

class Strategy;
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

/// `guarantees` are those of its default options; `problem` sees its own options alone.
struct StrategyKind : schema::Registration {
  /// What it promises with such options.
  std::function<StrategyTraits(const StrategyOptions&)> traits;
  /// What cannot work of its own options and the others of `strategy` together; null: all of it
  /// can.
  std::function<std::optional<StrategyProblem>(const StrategyOptions&)> conflict;
  std::vector<StrategyGuarantee> rows;  ///< of docs/strategies.md: one, or one for each mode
  /// What decides the bits of the weights, as flat keys of the job; `workers` 0: they come and go.
  std::function<nlohmann::ordered_json(const StrategyOptions&, int workers)> identity;
  /// Throws InputError where the options cannot work.
  std::function<std::unique_ptr<Strategy>(const StrategySetup&)> make;

  std::string_view missing() const {
    return !traits ? "traits" : !identity ? "identity" : !make ? "make" : "";
  }
};

schema::Registry<StrategyKind>& strategies();

/// The job's `strategy`, of a setup.
const StrategyOptions& options_of(const StrategySetup& setup);

/// What `options`' strategy promises. Throws InputError for one that there is not.
StrategyTraits strategy_traits(const StrategyOptions& options);
/// The kinds that have a trait, whatever else the job says: "parameter_server"; "a or b".
std::string strategies_that_have(bool StrategyTraits::*trait);

/// For `identity`: all of a strategy's own options ("strategy.average_every"), so that none is
/// forgotten; those of `strategy.compression`, none where nothing is compressed.
nlohmann::ordered_json own_identity(const StrategyOptions& options);
nlohmann::ordered_json compression_identity(const CompressionOptions& options);

/// All strategies, as a Markdown table.
std::string guarantees_table();
/// What a job's strategy guarantees, as lines of text.
std::string explain_strategy(const StrategyOptions& options);

}  // namespace convoy

#pragma GCC visibility pop
