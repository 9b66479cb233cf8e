// A layer: the gated linear unit (Dauphin et al. 2017, "Language Modeling with Gated Convolutional
// Networks"): a linear layer, times the sigmoid of another one.
#include <torch/nn.h>

#include <convoy/model/layer.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("gated_linear", "1.0")

namespace {

namespace schema = convoy::schema;

struct GatedLinearOptions {
  std::int64_t units = 16;
  bool bias = true;
};

void describe(schema::Visitor& v, GatedLinearOptions& o) {
  v.key("units", o.units, schema::between(1, schema::wide), "numbers that come out");
  v.key("bias", o.bias, schema::any(), "whether constants are added, to values and gates");
}

struct GatedLinearImpl : torch::nn::Module {
  GatedLinearImpl(std::int64_t features, const GatedLinearOptions& o)
      : value(register_module("value", linear(features, o))),
        gate(register_module("gate", linear(features, o))) {}
  torch::Tensor forward(const torch::Tensor& x) { return value(x) * torch::sigmoid(gate(x)); }

  static torch::nn::Linear linear(std::int64_t features, const GatedLinearOptions& o) {
    return torch::nn::Linear(torch::nn::LinearOptions(features, o.units).bias(o.bias));
  }
  torch::nn::Linear value, gate;
};
TORCH_MODULE(GatedLinear);

torch::nn::AnyModule make_gated_linear(const schema::AnyOptions& options, convoy::Shape& shape,
                                       const convoy::LayerContext& /*context*/) {
  const auto o = options.as<GatedLinearOptions>();
  convoy::require_dimensions(shape, 1, "flat samples");
  const std::int64_t features = shape[0];
  shape = {o.units};
  return torch::nn::AnyModule(GatedLinear(features, o));
}

const schema::Registered gated_linear(
    convoy::layers(), convoy::LayerKind{{.name = "gated_linear",
                                         .doc = "a linear layer, times the sigmoid of another one",
                                         .bare = "units",
                                         .options = GatedLinearOptions{}},
                                        make_gated_linear});

}  // namespace
