#include "convoy/strategies/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "strategies/kinds.hpp"
#include "strategies/setup.hpp"

namespace convoy {
namespace {

std::vector<StrategyKind>& kinds() {
  static std::vector<StrategyKind> all{synchronous_kind(), parameter_server_kind(),
                                       local_sgd_kind(), elastic_averaging_kind(), gossip_kind()};
  return all;
}

std::string without_marks(const std::string& text) {
  std::string plain = text;
  std::erase(plain, '`');
  return plain;
}

}  // namespace

void register_strategy(StrategyKind kind) {
  for (const StrategyKind& other : kinds()) {
    if (other.name == kind.name)
      throw InputError(fmt::format("there is a strategy {} already", kind.name));
  }
  if (kind.name.empty() || !kind.traits || !kind.identity || !kind.make)
    throw InputError(
        fmt::format("strategy {}: give its name, traits, identity and make", kind.name));
  all_strategy_facts().push_back(kind);
  kinds().push_back(std::move(kind));
}

void remove_strategy(const std::string& name) {
  std::erase_if(kinds(), [&](const StrategyKind& kind) { return kind.name == name; });
  std::erase_if(all_strategy_facts(), [&](const StrategyFacts& one) { return one.name == name; });
}

const std::vector<StrategyKind>& strategy_kinds() {
  return kinds();
}

const StrategyKind& strategy_kind(const std::string& name) {
  const StrategyFacts& facts = strategy_facts(name);  // throws where there is none
  return *std::ranges::find(kinds(), facts.name, &StrategyKind::name);
}

const StrategyOptions& options_of(const StrategySetup& setup) {
  return setup.options;
}

std::string guarantees_table() {
  std::string table =
      "| strategy | consistency | lost when a worker or server fails | determinism | bytes that a "
      "worker sends a step |\n| --- | --- | --- | --- | --- |\n";
  for (const StrategyKind& kind : kinds()) {
    for (const StrategyGuarantee& row : kind.guarantees) {
      table += fmt::format("| {} | {} | {} | {} | {} |\n", row.strategy, row.consistency, row.loss,
                           row.determinism, row.bytes);
    }
  }
  return table;
}

std::string explain_strategy(const StrategyOptions& options) {
  for (const StrategyGuarantee& row : strategy_kind(options.kind).guarantees) {
    if (row.fits && !row.fits(options)) continue;
    return fmt::format(
        "strategy     {}\nconsistency  {}\nloss         {}\ndeterminism  {}\nbytes        a worker "
        "sends a step: {}\n             (W workers, M bytes of weights, H = average_every; see "
        "docs/strategies.md)\n",
        without_marks(row.strategy), without_marks(row.consistency), without_marks(row.loss),
        without_marks(row.determinism), row.bytes);
  }
  return {};
}

nlohmann::ordered_json compression_identity(const CompressionOptions& options) {
  if (options.kind == "none") return nlohmann::ordered_json::object();
  return {{"strategy.compression.kind", options.kind},
          {"strategy.compression.part", options.part},
          {"strategy.compression.rank", options.rank},
          {"strategy.compression.block", options.block},
          {"strategy.compression.error_feedback", options.error_feedback}};
}

}  // namespace convoy
