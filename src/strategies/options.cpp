#include "convoy/strategies/options.hpp"

#include <fmt/format.h>

#include <charconv>

#include "convoy/core/error.hpp"
#include "convoy/schema/schema.hpp"
#include "convoy/strategies/facts.hpp"

namespace convoy {

std::int64_t bucket_bytes(const StrategyOptions& strategy) {
  if (strategy.bucket == "auto") return -1;
  if (strategy.bucket == "off") return 0;
  double mebibytes = 0;
  const char* end = strategy.bucket.data() + strategy.bucket.size();
  const auto [stop, error] = std::from_chars(strategy.bucket.data(), end, mebibytes);
  if (error != std::errc() || stop != end || !(mebibytes >= 0.01 && mebibytes <= 1024)) {
    throw InputError(fmt::format(
        "'{}' is not a size of buckets; write auto, off, or 0.01 to 1024 (MiB of gradients)",
        strategy.bucket));
  }
  return static_cast<std::int64_t>(mebibytes * (1 << 20));
}

namespace schema {
namespace {

std::vector<std::string_view> names_of_strategies() {
  std::vector<std::string_view> names;
  for (const StrategyFacts& facts : all_strategy_facts()) names.emplace_back(facts.name);
  return names;
}

}  // namespace

void describe(Visitor& v, OuterOptions& o) {
  v.key("rate", o.rate, above(0), "1, without momentum: the plain mean");
  v.key("momentum", o.momentum, between(0, 1), "0.9 with Nesterov and rate 0.7: as DiLoCo");
  v.key("nesterov", o.nesterov, any(), "look ahead by the momentum");
}

void describe(Visitor& v, StrategyOptions& o) {
  v.key("kind", o.kind, choice(names_of_strategies()),
        "how workers share what they learn (docs/strategies.md)");
  v.key("transport", o.transport, choice({"auto", "shm", "tcp", "mpi"}).replaces("gloo", "tcp"),
        "how workers talk; auto: shared memory on one host, tcp (under mpirun: MPI) between hosts");
  v.key("bucket", o.bucket, any(),
        "gradients that leave together while backward still runs, in MiB; off: all at its end; "
        "auto: the fastest of a few sizes, found in the first steps; never changes the result");
  v.key("timeout", o.timeout, between(1, 86400),
        "seconds that one worker may keep the others waiting before it counts as lost");
  v.key(
      "balance", o.balance, any(),
      "lanes move to the faster replicas and workers while the job runs; never changes the result");
  v.section("compression", o.compression, "kind",
            "fewer bytes between workers; changes the result");
  v.key("consistency", o.consistency, choice({"bsp", "ssp", "async"}),
        "parameter_server: bsp: all workers take each step together; ssp: none is more than "
        "`staleness` steps ahead; async: each at its own pace");
  v.key("staleness", o.staleness, between(0, many),
        "parameter_server, ssp: steps that a worker may be ahead of the slowest");
  v.key("servers", o.servers, between(1, 256), "parameter_server: servers that share the weights");
  v.key("backups", o.backups, between(0, 1),
        "parameter_server: 1: each range of the weights has a second server, which takes over when "
        "the first is lost");
  v.key("compensation", o.compensation, choice({"none", "dc_asgd", "staleness"}),
        "parameter_server, ssp and async: of the delay of a gradient: dc_asgd corrects it by the "
        "weights' change meanwhile (Zheng et al. 2017); staleness divides the rate by the delay");
  v.key("compensation_strength", o.compensation_strength, above(0), "dc_asgd: lambda");
  v.key("prefetch", o.prefetch, any(),
        "parameter_server, async: a worker pulls the weights for its next task while it computes; "
        "they lack the update of the task in between");
  v.key(
      "average_every", o.average_every, at_least(1),
      "local_sgd, elastic_averaging, gossip: steps that each worker takes alone between exchanges");
  v.section("outer", o.outer, "rate",
            "local_sgd: the optimizer that applies the workers' mean change");
  v.key("elasticity", o.elasticity, between(0, 1),
        "elastic_averaging: how far workers and their centre move towards each other");
  v.key("neighbours", o.neighbours, choice({"ring", "random"}),
        "gossip: with whom a worker averages: the next ones in turn, or one by chance");
}

}  // namespace schema

}  // namespace convoy
