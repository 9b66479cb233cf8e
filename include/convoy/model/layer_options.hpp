#pragma once
// Options of Convoy's own layers. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/schema/any_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// linear.
struct LinearOptions {
  std::int64_t units = 0;
  bool bias = true;
};

/// conv.
struct ConvOptions {
  std::int64_t channels = 0;
  std::int64_t kernel = 3;
  std::int64_t stride = 0;  ///< 0: 1
  std::int64_t padding = 0;
  bool bias = true;
};

/// max_pool, avg_pool.
struct PoolOptions {
  std::int64_t kernel = 3;
  std::int64_t stride = 0;  ///< 0: `kernel`
};

/// dropout.
struct DropoutOptions {
  double p = 0.5;
};

/// embedding.
struct EmbeddingOptions {
  std::int64_t units = 0;
  std::int64_t values = 0;  ///< numbers are from 0 to below it; 0: the text's tokens
};

/// gru, lstm.
struct RecurrentOptions {
  std::int64_t units = 0;
  bool bidirectional = false;
  std::string output = "sequence";  ///< sequence, last
};

/// transformer.
struct TransformerOptions {
  std::int64_t heads = 4;
  std::int64_t units = 0;  ///< of the first linear layer; 0: four times what a position has
  bool causal = false;     ///< a token sees those before it only
};

/// pool_time.
struct PoolTimeOptions {
  std::string output = "mean";  ///< mean, max, last
};

void describe(schema::Visitor& v, LinearOptions& o);
void describe(schema::Visitor& v, ConvOptions& o);
void describe(schema::Visitor& v, PoolOptions& o);
void describe(schema::Visitor& v, DropoutOptions& o);
void describe(schema::Visitor& v, EmbeddingOptions& o);
void describe(schema::Visitor& v, RecurrentOptions& o);
void describe(schema::Visitor& v, TransformerOptions& o);
void describe(schema::Visitor& v, PoolTimeOptions& o);

}  // namespace convoy

#pragma GCC visibility pop
