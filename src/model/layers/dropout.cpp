// Dropout (Srivastava et al. 2014).
#include <torch/nn.h>

#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"

namespace convoy {

void describe(schema::Visitor& v, DropoutOptions& o) {
  v.key("p", o.p, schema::part(), "the part that becomes 0");
}

namespace {

const schema::Registered dropout_layer(
    layers(),
    LayerKind{{.name = "dropout",
               .doc = "zeroes random values while training",
               .bare = "p",
               .options = DropoutOptions{}},
              [](const schema::AnyOptions& options, Shape&, const LayerContext&) {
                return torch::nn::AnyModule(torch::nn::Dropout(options.as<DropoutOptions>().p));
              }});

}  // namespace
}  // namespace convoy
