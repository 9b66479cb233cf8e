#pragma once
// The strategies that come with Convoy: each is declared beside its class.
#include "convoy/strategies/options.hpp"
#include "convoy/strategies/registry.hpp"

namespace convoy {

StrategyKind synchronous_kind();
StrategyKind parameter_server_kind();
StrategyKind local_sgd_kind();
StrategyKind elastic_averaging_kind();
StrategyKind gossip_kind();

/// The keys of `strategy.compression` that decide bits; none where nothing is compressed.
nlohmann::ordered_json compression_identity(const CompressionOptions& options);

}  // namespace convoy
