#include "convoy/optim/optimizer.hpp"

namespace convoy {

schema::Registry<OptimizerKind>& optimizers() {
  static schema::Registry<OptimizerKind> all("optimizer", "optimizers", "train.optimizer.kind");
  return all;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options) {
  return optimizers().get(options.kind).make(options.own);
}

}  // namespace convoy
