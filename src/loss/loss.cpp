#include "convoy/loss/loss.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"

namespace convoy {

Loss make_loss(const LossOptions& options, const DataSpec& spec) {
  const bool automatic = options.kind == LossOptions{}.kind;
  const LossKind& kind = automatic ? default_loss(spec.task) : losses().get(options.kind);
  if (!fits_task(kind, spec.task)) {
    throw InputError(fmt::format("loss: '{}' does not fit the task '{}' of the data; use '{}'",
                                 kind.name, name_of(spec.task), default_loss(spec.task).name));
  }
  const schema::AnyOptions& own = automatic || options.own.empty() ? kind.options : options.own;
  return {kind.name, kind.make(own, spec), own};
}

Loss make_loss(const std::string& kind, const DataSpec& spec) {
  return make_loss(LossOptions{kind}, spec);
}

}  // namespace convoy
