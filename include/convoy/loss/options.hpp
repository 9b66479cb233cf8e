#pragma once
// What a job minimises. No libtorch in this header.
#include <string>

#include "convoy/schema/any_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// One of losses() (loss/loss_kind.hpp), or auto: the one that fits the task.
struct LossOptions {
  std::string kind = "auto";
  schema::AnyOptions own = {};
};

namespace schema {

void describe(Visitor& v, LossOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
