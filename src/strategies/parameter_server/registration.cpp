// What parameter servers guarantee, the options of their own, and how they are made.
#include <fmt/format.h>

#include "convoy/comm/compressions.hpp"
#include "convoy/strategies/registry.hpp"
#include "strategies/parameter_server/parameter_server.hpp"

namespace convoy {

namespace {

ParameterServerOptions served(const StrategyOptions& options) {
  return options.own.as<ParameterServerOptions>();
}

StrategyTraits served_traits(const StrategyOptions& options) {
  const bool together = served(options).consistency == "bsp";
  return {.same_bits = together,
          .alike = together,
          .elastic = true,
          .servers = true,
          .backups = static_cast<int>(served(options).backups)};
}

std::optional<schema::Problem> served_problem(const schema::AnyOptions& options) {
  const auto own = options.as<ParameterServerOptions>();
  if (own.compensation != "none" && own.consistency == "bsp") {
    return schema::Problem{
        "compensation",
        fmt::format("{} is of delays, and with consistency bsp there are none; remove it, or set "
                    "consistency to ssp or async",
                    own.compensation)};
  }
  if (own.prefetch && own.consistency != "async") {
    return schema::Problem{
        "prefetch", fmt::format("consistency {} waits for weights that are up to date; remove it, "
                                "or set consistency to async",
                                own.consistency)};
  }
  return std::nullopt;
}

std::optional<StrategyProblem> served_conflict(const StrategyOptions& options) {
  const std::string& compression = options.compression.kind;
  if (is_compressed(options.compression) && served(options).consistency == "bsp") {
    return StrategyProblem{
        "strategy.compression.kind",
        fmt::format("{} changes the result, and consistency bsp promises that of the synchronous "
                    "strategy; remove it, or set consistency to ssp or async",
                    compression),
        {"strategy.compression", "strategy.consistency"}};
  }
  if (is_compressed(options.compression) && !compressions().get(compression).codec) {
    return StrategyProblem{
        "strategy.compression.kind",
        fmt::format("{} sums its factors over all workers at once, which parameter servers do not; "
                    "use another kind",
                    compression),
        {"strategy.compression", "strategy.kind"}};
  }
  return std::nullopt;
}

std::function<bool(const StrategyOptions&)> with_consistency(const char* consistency) {
  return [consistency](const StrategyOptions& options) {
    return served(options).consistency == consistency;
  };
}

std::vector<StrategyGuarantee> served_rows() {
  const std::string acknowledged =
      "no update that a server has acknowledged, with `backups: 1`; without, those of a lost "
      "server since the last checkpoint";
  const std::string order_counts = "none: the order in which updates come counts";
  const std::string bytes = "M from the servers; M to them, or its compressed part";
  return {
      {"`parameter_server`, `bsp`", "all workers take each step together, with the same weights",
       acknowledged, "the same bits as `synchronous`", "2 M from and to the servers",
       with_consistency("bsp")},
      {"`parameter_server`, `ssp`",
       "weights lack at most the last `staleness` steps of the other workers", acknowledged,
       order_counts, bytes, with_consistency("ssp")},
      {"`parameter_server`, `async`",
       "weights are those of some moment; no worker waits for another", acknowledged, order_counts,
       bytes, with_consistency("async")}};
}

StrategyKind parameter_server_kind() {
  StrategyKind kind{{.name = "parameter_server",
                     .doc = "the weights are on servers, to which workers push gradients",
                     .options = ParameterServerOptions{},
                     .guarantees = {.columns = false},
                     .problem = served_problem}};
  kind.traits = served_traits;
  kind.conflict = served_conflict;
  kind.rows = served_rows();
  kind.identity = [](const StrategyOptions& options, int /*workers*/) {
    return compression_identity(options.compression);
  };
  kind.make = [](const StrategySetup& setup) -> std::unique_ptr<Strategy> {
    return std::make_unique<ParameterServer>(setup);
  };
  return kind;
}

const schema::Registered parameter_server(strategies(), parameter_server_kind());

}  // namespace
}  // namespace convoy
