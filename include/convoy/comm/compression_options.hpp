#pragma once
// Fewer bytes between workers. No libtorch in this header.
#include <cstdint>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// What travels instead of whole gradients between workers (or from workers to servers).
struct CompressionOptions {
  std::string kind = "none";   ///< none, fp16, bf16, int8, top_k, random_k, power_sgd
  double part = 0.01;          ///< top_k, random_k: the part of the elements that travels
  std::int64_t rank = 4;       ///< power_sgd: of the two factors
  std::int64_t block = 256;    ///< int8: neighbouring elements with one scale
  bool error_feedback = true;  ///< what was left out is added to the next gradient
};

namespace schema {

class Visitor;

void describe(Visitor& v, CompressionOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
