#include "strategies/setup.hpp"

#include "convoy/strategies/registry.hpp"

namespace convoy {

const StrategyOptions& options_of(const StrategySetup& setup) {
  return setup.options;
}

}  // namespace convoy
