#pragma once
// What is known of the strategies that come with Convoy without making one. No libtorch here.
#include "convoy/strategies/facts.hpp"

namespace convoy {

StrategyFacts synchronous_facts();
StrategyFacts parameter_server_facts();
StrategyFacts local_sgd_facts();
StrategyFacts elastic_averaging_facts();
StrategyFacts gossip_facts();

}  // namespace convoy
