// Fully connected.
#include <torch/nn.h>

#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"

namespace convoy {

void describe(schema::Visitor& v, LinearOptions& o) {
  v.key("units", o.units, schema::between(1, schema::many).required(), "outputs");
  v.key("bias", o.bias, schema::any(), "whether a constant is learned for each output");
}

namespace {

torch::nn::AnyModule make_linear(const schema::AnyOptions& options, Shape& shape,
                                 const LayerContext&) {
  const auto o = options.as<LinearOptions>();
  require_dimensions(shape, 1, "flat samples (put a 'flatten' layer before it)");
  const std::int64_t inputs = shape[0];
  shape = {o.units};
  return torch::nn::AnyModule(
      torch::nn::Linear(torch::nn::LinearOptions(inputs, o.units).bias(o.bias)));
}

LinearForm linear_form(const schema::AnyOptions& options) {
  const auto o = options.as<LinearOptions>();
  return {o.units, o.bias};
}

const schema::Registered linear_layer(layers(), LayerKind{{.name = "linear",
                                                           .doc = "fully connected",
                                                           .bare = "units",
                                                           .options = LinearOptions{}},
                                                          make_linear,
                                                          {.linear = linear_form}});

}  // namespace
}  // namespace convoy
