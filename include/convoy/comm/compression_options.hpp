#pragma once
// Fewer bytes between workers. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/schema/any_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// What travels instead of whole gradients between workers (or from workers to servers): one of
/// compressions() (comm/compressions.hpp), such as
/// {.kind = "top_k", .own = SparseOptions{.part = 0.05}}.
struct CompressionOptions {
  std::string kind = "none";
  schema::AnyOptions own = {};
  bool error_feedback = true;  ///< what was left out is added to the next gradient
};

/// top_k, random_k.
struct SparseOptions {
  double part = 0.01;  ///< of the elements that travels, to 1
};

/// int8.
struct Int8Options {
  std::int64_t block = 256;  ///< neighbouring elements with one scale
};

/// power_sgd.
struct PowerSgdOptions {
  std::int64_t rank = 4;  ///< of the two factors of each matrix
};

/// Whether anything is.
inline bool is_compressed(const CompressionOptions& options) {
  return options.kind != "none";
}

void describe(schema::Visitor& v, SparseOptions& o);
void describe(schema::Visitor& v, Int8Options& o);
void describe(schema::Visitor& v, PowerSgdOptions& o);

namespace schema {

void describe(Visitor& v, CompressionOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
