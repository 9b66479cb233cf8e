// Declared in convoy/loss/options.hpp and convoy/loss/loss_kind.hpp.
#include "convoy/loss/options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/loss/loss_kind.hpp"

namespace convoy {

schema::Registry<LossKind>& losses() {
  static schema::Registry<LossKind> all("loss", "losses", "loss");
  return all;
}

bool fits_task(const LossKind& loss, Task task) {
  return std::ranges::find(loss.tasks, task) != loss.tasks.end();
}

const LossKind& default_loss(Task task) {
  for (const auto& [name, loss] : losses().all()) {
    if (std::ranges::find(loss.automatic, task) != loss.automatic.end()) return loss;
  }
  throw InputError(fmt::format("loss: none is the default of the task '{}'", name_of(task)));
}

namespace schema {

void describe(Visitor& v, LossOptions& o) {
  chosen(v, losses(), o.kind, o.own, "which one", "kind",
         {"auto", "", "the one of the data's task"});
}

}  // namespace schema

}  // namespace convoy
