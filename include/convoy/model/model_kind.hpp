#pragma once
// Models by name: what `model.kind` may be. One file adds one (convoy/schema/registry.hpp). No
// libtorch in this header; a kind that makes networks itself includes convoy/model/model.hpp.
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "convoy/data/dataset/spec.hpp"
#include "convoy/model/options.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct Network;

/// What others ask of a model.
struct ModelTraits {
  /// Of a kind that expands to layers: why its first one cannot be cut by column, if anything, as
  /// far as the options tell.
  std::function<std::optional<schema::Problem>(const schema::AnyOptions&)> columns_problem =
      nullptr;
  /// As of a layer: fills in how many tokens there are, where the options leave it to the data.
  std::function<void(schema::AnyOptions&, std::int64_t tokens)> take_tokens = nullptr;
};

/// `expand` or `make` is given.
struct ModelKind : schema::Registration {
  /// The layers that the options stand for, the output layer included.
  std::function<std::vector<LayerOptions>(const schema::AnyOptions&, const DataSpec&)> expand =
      nullptr;
  /// A network of any kind, with the same structure at each call, from any thread. Of such a kind
  /// features cannot be partitioned by column: its guarantees say columns = false.
  std::function<Network(const schema::AnyOptions&, const DataSpec&)> make = nullptr;
  ModelTraits traits = {};
};

schema::Registry<ModelKind>& models();

}  // namespace convoy

#pragma GCC visibility pop
