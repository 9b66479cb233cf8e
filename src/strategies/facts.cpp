// What jobs are checked by: names, keys and traits of the strategies that come with Convoy.
// No libtorch here: a job is read, and fuzzed, without.
#include "strategies/facts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/strategies/options.hpp"

namespace convoy {
namespace {

bool changes_what_travels(const StrategyOptions& options) {
  return options.compression.kind != "none";
}

std::optional<StrategyProblem> problem_with_servers(const StrategyOptions& options) {
  const std::string& compression = options.compression.kind;
  if (compression != "none" && options.consistency == "bsp") {
    return StrategyProblem{
        "strategy.compression.kind",
        fmt::format("{} changes the result, and consistency bsp promises that of the synchronous "
                    "strategy; remove it, or set consistency to ssp or async",
                    compression),
        {"strategy.compression", "strategy.consistency"}};
  }
  if (compression == "power_sgd") {
    return StrategyProblem{
        "strategy.compression.kind",
        "power_sgd sums its factors over all workers at once, which parameter servers do not; use "
        "another kind",
        {"strategy.compression", "strategy.kind"}};
  }
  if (options.compensation != "none" && options.consistency == "bsp") {
    return StrategyProblem{
        "strategy.compensation",
        fmt::format("{} is of delays, and with consistency bsp there are none; remove it, or set "
                    "consistency to ssp or async",
                    options.compensation)};
  }
  if (options.prefetch && options.consistency != "async") {
    return StrategyProblem{
        "strategy.prefetch",
        fmt::format("consistency {} waits for weights that are up to date; remove it, or set "
                    "consistency to async",
                    options.consistency)};
  }
  return {};
}

// Of kinds whose workers send each other whole models.
std::optional<StrategyProblem> problem_with_whole_models(const StrategyOptions& options) {
  if (!changes_what_travels(options)) return {};
  return StrategyProblem{
      "strategy.compression.kind",
      fmt::format("{} compresses gradients or changes, and with strategy.kind {} whole models "
                  "travel; remove compression, or use local_sgd",
                  options.compression.kind, options.kind),
      {"strategy.compression", "strategy.kind"}};
}

StrategyFacts facts_of_own_steps(const std::string& name, const std::string& key) {
  return {.name = name, .keys = {"average_every", key}, .traits = [](const StrategyOptions&) {
            return StrategyTraits{.elastic = true, .own_steps = true};
          }};
}

}  // namespace

StrategyFacts synchronous_facts() {
  return {.name = "synchronous", .traits = [](const StrategyOptions& options) {
            const bool exact = !changes_what_travels(options);
            return StrategyTraits{
                .same_bits = exact, .alike = true, .elastic = true, .columns = exact};
          }};
}

StrategyFacts parameter_server_facts() {
  return {.name = "parameter_server",
          .keys = {"consistency", "staleness", "servers", "backups", "compensation",
                   "compensation_strength", "prefetch"},
          .traits =
              [](const StrategyOptions& options) {
                const bool together = options.consistency == "bsp";
                return StrategyTraits{
                    .same_bits = together, .alike = together, .elastic = true, .servers = true};
              },
          .problem = problem_with_servers};
}

StrategyFacts local_sgd_facts() {
  return facts_of_own_steps("local_sgd", "outer");
}

StrategyFacts elastic_averaging_facts() {
  StrategyFacts facts = facts_of_own_steps("elastic_averaging", "elasticity");
  facts.problem = problem_with_whole_models;
  return facts;
}

StrategyFacts gossip_facts() {
  StrategyFacts facts = facts_of_own_steps("gossip", "neighbours");
  facts.problem = problem_with_whole_models;
  return facts;
}

std::vector<StrategyFacts>& all_strategy_facts() {
  static std::vector<StrategyFacts> all{synchronous_facts(), parameter_server_facts(),
                                        local_sgd_facts(), elastic_averaging_facts(),
                                        gossip_facts()};
  return all;
}

const StrategyFacts& strategy_facts(const std::string& name) {
  for (const StrategyFacts& facts : all_strategy_facts()) {
    if (facts.name == name) return facts;
  }
  throw InputError(fmt::format("strategy.kind: there is no {}; write {}", name,
                               fmt::join(strategy_names(), ", ")));
}

StrategyTraits strategy_traits(const StrategyOptions& options) {
  return strategy_facts(options.kind).traits(options);
}

std::vector<std::string> strategy_names() {
  std::vector<std::string> names;
  for (const StrategyFacts& facts : all_strategy_facts()) names.push_back(facts.name);
  return names;
}

std::string strategies_that_have(bool StrategyTraits::*trait) {
  std::vector<std::string> names;
  for (const StrategyFacts& facts : all_strategy_facts()) {
    if (facts.traits(StrategyOptions{.kind = facts.name}).*trait) names.push_back(facts.name);
  }
  return fmt::format("{}", fmt::join(names, " or "));
}

std::vector<std::string> strategies_with(const std::string& key) {
  std::vector<std::string> names;
  for (const StrategyFacts& facts : all_strategy_facts()) {
    if (std::ranges::find(facts.keys, key) != facts.keys.end()) names.push_back(facts.name);
  }
  return names;
}

}  // namespace convoy
