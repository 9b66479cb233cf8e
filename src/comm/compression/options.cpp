// Declared in convoy/comm/compression_options.hpp.
#include "convoy/comm/compression_options.hpp"
#include "convoy/schema/schema.hpp"

namespace convoy::schema {

void describe(Visitor& v, CompressionOptions& o) {
  v.key("kind", o.kind, choice({"none", "fp16", "bf16", "int8", "top_k", "random_k", "power_sgd"}),
        "what travels instead of float32 gradients");
  v.key("part", o.part, above(0), "top_k, random_k: the part of the elements that travels, to 1");
  v.key("rank", o.rank, between(1, 1024), "power_sgd: of the factors of each matrix");
  v.key("block", o.block, between(16, 65536), "int8: neighbouring elements that share a scale");
  v.key("error_feedback", o.error_feedback, any(),
        "what was left out is added to the next step's gradient");
}

}  // namespace convoy::schema
