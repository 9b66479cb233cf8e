#pragma once
// The network that a job asks for. No libtorch in this header.
#include <cstdint>
#include <string>
#include <vector>

#include "convoy/schema/any_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// One of layers() (model/layer.hpp), such as {"linear", LinearOptions{.units = 10}}; those of
/// Convoy's own: model/layer_options.hpp.
using LayerOptions = schema::OneOf;

/// A network: one of models() (model/model_kind.hpp), such as
/// {.kind = "mlp", .own = MlpOptions{.hidden = {64, 32}}}.
struct ModelOptions {
  std::string kind = "mlp";
  schema::AnyOptions own = {};
  std::string init = "default";  ///< one of initialisations() (model/initialisation.hpp)
};

/// mlp.
struct MlpOptions {
  std::vector<std::int64_t> hidden = {128};  ///< units of the layers before the output
  std::string activation = "relu";
  bool batch_norm = false;
  double dropout = 0;
};

/// cnn.
struct CnnOptions {
  std::vector<std::int64_t> hidden = {
      128};  ///< units of the fully connected layers before the output
  std::vector<std::int64_t> channels = {32, 64};  ///< one block (conv, activation, pool) each
  std::int64_t kernel = 3;
  std::int64_t pool = 2;  ///< max-pooling of each block; 1: none
  std::string activation = "relu";
  bool batch_norm = false;
  double dropout = 0;
};

/// layers.
struct LayersOptions {
  std::vector<LayerOptions> layers;  ///< spelled out, output layer included
};

void describe(schema::Visitor& v, MlpOptions& o);
void describe(schema::Visitor& v, CnnOptions& o);
void describe(schema::Visitor& v, LayersOptions& o);

namespace schema {

void describe(Visitor& v, ModelOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
