#include "convoy/strategies/options.hpp"

#include <fmt/format.h>

#include <charconv>

#include "convoy/comm/transports.hpp"
#include "convoy/core/error.hpp"
#include "convoy/strategies/registry.hpp"

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

void describe(Visitor& v, StrategyOptions& o) {
  chosen(v, strategies(), o.kind, o.own, "how workers share what they learn (docs/strategies.md)");
  std::vector<std::string_view> those = transports().names();
  those.insert(those.begin(), "auto");
  v.key("transport", o.transport, choice(those).replaces("gloo", "tcp"),
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
}

}  // namespace schema

}  // namespace convoy
