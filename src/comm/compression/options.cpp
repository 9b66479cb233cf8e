// Declared in convoy/comm/compression_options.hpp.
#include "convoy/comm/compression_options.hpp"
#include "convoy/comm/compressions.hpp"

namespace convoy {

schema::Registry<CompressionKind>& compressions() {
  static schema::Registry<CompressionKind> all("compression", "compressions",
                                               "strategy.compression.kind");
  return all;
}

namespace {

const schema::Registered none_registered(compressions(),
                                         CompressionKind{
                                             {.name = "none", .doc = "gradients as they are"}});

}  // namespace

namespace schema {

void describe(Visitor& v, CompressionOptions& o) {
  chosen(v, compressions(), o.kind, o.own, "what travels instead of float32 gradients");
  v.key("error_feedback", o.error_feedback, any(),
        "what was left out is added to the next step's gradient");
}

}  // namespace schema

}  // namespace convoy
