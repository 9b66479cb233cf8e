#include "strategies/averaging.hpp"

#include <fmt/format.h>

#include "compute/kernels.hpp"
#include "convoy/lanes/random.hpp"
#include "strategies/setup.hpp"

namespace convoy {

void add_times(std::span<Element> into, std::span<const Element> from, Element factor) {
  add_scaled(into.data(), from.data(), factor, static_cast<std::int64_t>(into.size()));
}

namespace {

constexpr StrategyTraits averaging_traits{.elastic = true, .own_steps = true};

}  // namespace

StrategyKind averaging_kind(schema::Registration registration, const StepsBetween& every,
                            const MakeExchange& make) {
  registration.guarantees = {
      .same_bits = false, .elastic = true, .servers = false, .columns = false};
  StrategyKind kind{std::move(registration)};
  kind.traits = [](const StrategyOptions&) { return averaging_traits; };
  kind.identity = [](const StrategyOptions& options, int workers) {
    nlohmann::ordered_json identity = compression_identity(options.compression);
    identity["strategy.kind"] = options.kind;
    identity.update(own_identity(options));
    if (workers > 0) identity["the number of workers"] = workers;
    return identity;
  };
  kind.make = [every, make](const StrategySetup& setup) {
    const StrategyOptions options = setup.options;
    const std::uint64_t seed = derive_seed(setup.engine.seed, RandomPurpose::exchange);
    return make_local_steps(
        setup, averaging_traits, every(options.own),
        [make, options, seed](const InitialModel& model) { return make(options, seed, model); });
  };
  return kind;
}

std::optional<StrategyProblem> nothing_to_compress(const StrategyOptions& options) {
  if (!is_compressed(options.compression)) return {};
  return StrategyProblem{
      "strategy.compression.kind",
      fmt::format("{} compresses gradients or changes, and with strategy.kind {} whole models "
                  "travel; remove compression, or use local_sgd",
                  options.compression.kind, options.kind),
      {"strategy.compression", "strategy.kind"}};
}

}  // namespace convoy
