// Pooling: squares of an image, or whole channels, become one value.
#include <torch/nn.h>

#include "convoy/model/layer_options.hpp"
#include "model/layers/windows.hpp"

namespace convoy {

void describe(schema::Visitor& v, PoolOptions& o) {
  v.key("kernel", o.kernel, schema::between(1, schema::wide).required(),
        "side of the square that becomes one value");
  v.key("stride", o.stride, schema::between(0, schema::wide),
        "distance between squares; 0: `kernel`");
}

namespace {

template <class Pool, class Options>
torch::nn::AnyModule make_pool(const schema::AnyOptions& options, Shape& shape,
                               const LayerContext&) {
  const auto o = options.as<PoolOptions>();
  require_images(shape);
  const std::int64_t stride = o.stride == 0 ? o.kernel : o.stride;
  slide(shape, o.kernel, stride, 0);
  return torch::nn::AnyModule(Pool(Options(o.kernel).stride(stride)));
}

torch::nn::AnyModule make_global_pool(const schema::AnyOptions&, Shape& shape,
                                      const LayerContext&) {
  require_images(shape);
  shape = {shape[0], 1, 1};
  return torch::nn::AnyModule(
      torch::nn::AdaptiveAvgPool2d(torch::nn::AdaptiveAvgPool2dOptions({1, 1})));
}

const schema::Registered max_pool_layer(
    layers(), LayerKind{{.name = "max_pool",
                         .doc = "the largest value of each square",
                         .bare = "kernel",
                         .options = PoolOptions{}},
                        make_pool<torch::nn::MaxPool2d, torch::nn::MaxPool2dOptions>});
const schema::Registered avg_pool_layer(
    layers(), LayerKind{{.name = "avg_pool",
                         .doc = "the mean of each square",
                         .bare = "kernel",
                         .options = PoolOptions{}},
                        make_pool<torch::nn::AvgPool2d, torch::nn::AvgPool2dOptions>});
const schema::Registered global_avg_pool_layer(
    layers(),
    LayerKind{{.name = "global_avg_pool", .doc = "the mean of each channel"}, make_global_pool});

}  // namespace
}  // namespace convoy
