#include "strategies/averaging.hpp"

#include "compute/kernels.hpp"
#include "convoy/lanes/random.hpp"
#include "strategies/setup.hpp"

namespace convoy {

void add_times(std::span<Element> into, std::span<const Element> from, Element factor) {
  add_scaled(into.data(), from.data(), factor, static_cast<std::int64_t>(into.size()));
}

StrategyKind local_kind(StrategyFacts facts, const MakeExchange& make) {
  StrategyKind kind{std::move(facts)};
  kind.identity = [name = kind.name](const StrategyOptions& options, int workers) {
    nlohmann::ordered_json identity = compression_identity(options.compression);
    identity["strategy.kind"] = name;
    identity["strategy.average_every"] = options.average_every;
    if (workers > 0) identity["the number of workers"] = workers;
    return identity;
  };
  kind.make = [make, traits = kind.traits](const StrategySetup& setup) {
    const StrategyOptions options = setup.options;
    const std::uint64_t seed = derive_seed(setup.engine.seed, RandomPurpose::exchange);
    return make_local_steps(setup, traits(options),
                            [=](const InitialModel& model) -> std::unique_ptr<ModelExchange> {
                              return make(options, seed, model);
                            });
  };
  return kind;
}

void identify(StrategyKind& kind,
              std::function<void(const StrategyOptions&, nlohmann::ordered_json&)> add) {
  kind.identity = [before = kind.identity, add](const StrategyOptions& options, int workers) {
    nlohmann::ordered_json identity = before(options, workers);
    add(options, identity);
    return identity;
  };
}

}  // namespace convoy
