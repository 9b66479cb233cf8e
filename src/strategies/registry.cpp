#include "convoy/strategies/registry.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "schema/json.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

std::string without_marks(const std::string& text) {
  std::string plain = text;
  std::erase(plain, '`');
  return plain;
}

}  // namespace

schema::Registry<StrategyKind>& strategies() {
  static schema::Registry<StrategyKind> all("strategy", "strategies", "strategy.kind");
  return all;
}

StrategyTraits strategy_traits(const StrategyOptions& options) {
  return strategies().get(options.kind).traits(options);
}

std::string strategies_that_have(bool StrategyTraits::*trait) {
  std::vector<std::string> names;
  for (const auto& [name, kind] : strategies().all()) {
    if (kind.traits({.kind = name}).*trait) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, " or "));
}

Json own_identity(const StrategyOptions& options) {
  const schema::AnyOptions own =
      options.own.empty() ? strategies().get(options.kind).options : options.own;
  Json identity = Json::object();
  schema::add_flat(identity, "strategy.",
                   schema::to_json([&](schema::Visitor& v) { own.describe(v); }));
  return identity;
}

Json compression_identity(const CompressionOptions& options) {
  Json identity = Json::object();
  if (is_compressed(options))
    schema::add_flat(identity, "strategy.compression.", schema::json_of(options));
  return identity;
}

std::string guarantees_table() {
  std::string table =
      "| strategy | consistency | lost when a worker or server fails | determinism | bytes that a "
      "worker sends a step |\n| --- | --- | --- | --- | --- |\n";
  for (const auto& [name, kind] : strategies().all()) {
    for (const StrategyGuarantee& row : kind.rows) {
      table += fmt::format("| {} | {} | {} | {} | {} |\n", row.strategy, row.consistency, row.loss,
                           row.determinism, row.bytes);
    }
  }
  return table;
}

std::string explain_strategy(const StrategyOptions& options) {
  for (const StrategyGuarantee& row : strategies().get(options.kind).rows) {
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

}  // namespace convoy
