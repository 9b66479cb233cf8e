// Two-dimensional convolution.
#include <torch/nn.h>

#include "convoy/model/layer_options.hpp"
#include "model/layers/windows.hpp"

namespace convoy {

void describe(schema::Visitor& v, ConvOptions& o) {
  using schema::between;
  using schema::wide;
  v.key("channels", o.channels, between(1, wide).required(), "output channels");
  v.key("kernel", o.kernel, between(1, wide), "side of the square kernel");
  v.key("stride", o.stride, between(0, wide), "distance between kernel positions; 0: 1");
  v.key("padding", o.padding, between(0, wide), "rows and columns of zeros added on each side");
  v.key("bias", o.bias, schema::any(), "whether a constant is learned for each channel");
}

namespace {

torch::nn::AnyModule make_conv(const schema::AnyOptions& options, Shape& shape,
                               const LayerContext&) {
  const auto o = options.as<ConvOptions>();
  require_images(shape);
  const std::int64_t inputs = shape[0];
  const std::int64_t stride = o.stride == 0 ? 1 : o.stride;
  slide(shape, o.kernel, stride, o.padding);
  shape[0] = o.channels;
  return torch::nn::AnyModule(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, o.channels, o.kernel)
                            .stride(stride)
                            .padding(o.padding)
                            .bias(o.bias)));
}

const schema::Registered conv_layer(layers(), LayerKind{{.name = "conv",
                                                         .doc = "two-dimensional convolution",
                                                         .bare = "channels",
                                                         .options = ConvOptions{}},
                                                        make_conv});

}  // namespace
}  // namespace convoy
