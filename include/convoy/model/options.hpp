#pragma once
// The network that a job asks for. No libtorch in this header.
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// One layer of `model.layers`. `kind` is the YAML key of the list item; a bare scalar sets its
/// first member.
///   linear {units, bias}   conv {channels, kernel, stride, padding, bias}
///   max_pool / avg_pool {kernel, stride}   global_avg_pool   flatten
///   batch_norm   layer_norm   dropout {p}
///   relu   gelu   tanh   sigmoid   silu   leaky_relu   elu   softplus
///   embedding {units, values}   positions
///   gru / lstm {units, bidirectional, output}   transformer {heads, units, p, causal}
///   pool_time {output}
struct LayerOptions {
  std::string kind;
  std::int64_t units = 0;
  std::int64_t values = 0;  ///< embedding: numbers are from 0 to below it; 0: the text's tokens
  std::int64_t channels = 0;
  std::int64_t kernel = 3;
  std::int64_t stride = 0;  ///< 0: 1 for conv, `kernel` for pooling
  std::int64_t padding = 0;
  bool bias = true;
  double p = 0.5;
  std::int64_t heads = 4;           ///< transformer
  bool bidirectional = false;       ///< gru, lstm
  bool causal = false;              ///< transformer: a token sees those before it only
  std::string output = "sequence";  ///< gru, lstm: sequence | last; pool_time: mean | max | last
};

/// A network.
struct ModelOptions {
  std::string kind = "mlp";  ///< mlp, cnn, layers
  std::vector<std::int64_t> hidden = {
      128};  ///< mlp, cnn: units of the fully connected layers before the output
  std::vector<std::int64_t> channels = {32, 64};  ///< cnn: one block (conv, activation, pool) each
  std::int64_t kernel = 3;                        ///< cnn
  std::int64_t pool = 2;                          ///< cnn: max-pooling of each block; 1: none
  std::string activation = "relu";
  bool batch_norm = false;
  double dropout = 0;
  std::vector<LayerOptions> layers;  ///< kind layers: spelled out, output layer included
  std::string init = "default";      ///< default (libtorch's own), xavier_uniform, xavier_normal,
                                     ///< kaiming_uniform, kaiming_normal, normal, zeros
};

namespace schema {

class Visitor;
template <class T>
struct KindOf;

void describe(Visitor& v, ModelOptions& o);

std::vector<KindOf<LayerOptions>> layer_kinds();

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
