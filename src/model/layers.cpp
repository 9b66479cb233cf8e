#include "model/layers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <map>
#include <numeric>

#include "convoy/core/error.hpp"
#include "model/sequence_layers.hpp"

namespace convoy {
namespace {

namespace nn = torch::nn;

std::string text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void require_dims(const Shape& shape, std::size_t dims, std::string_view needs) {
  if (shape.size() != dims)
    throw InputError(fmt::format("needs {}, gets samples of shape {}", needs, text(shape)));
}

// The window of a convolution or pooling along height and width.
void slide(Shape& shape, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  for (const std::size_t dim : {1, 2}) {
    const std::int64_t extent = shape[dim] + 2 * padding;
    if (extent < kernel) {
      throw InputError(
          fmt::format("its window of {} does not fit samples of shape {}", kernel, text(shape)));
    }
    shape[dim] = (extent - kernel) / stride + 1;
  }
}

nn::AnyModule make_linear(const LayerOptions& o, Shape& shape) {
  require_dims(shape, 1, "flat samples (put a 'flatten' layer before it)");
  const std::int64_t inputs = shape[0];
  shape = {o.units};
  return nn::AnyModule(nn::Linear(nn::LinearOptions(inputs, o.units).bias(o.bias)));
}

nn::AnyModule make_conv(const LayerOptions& o, Shape& shape) {
  require_dims(shape, 3, "images [channels, height, width]");
  const std::int64_t inputs = shape[0];
  const std::int64_t stride = o.stride == 0 ? 1 : o.stride;
  slide(shape, o.kernel, stride, o.padding);
  shape[0] = o.channels;
  return nn::AnyModule(nn::Conv2d(nn::Conv2dOptions(inputs, o.channels, o.kernel)
                                      .stride(stride)
                                      .padding(o.padding)
                                      .bias(o.bias)));
}

nn::AnyModule make_pool(const LayerOptions& o, Shape& shape) {
  require_dims(shape, 3, "images [channels, height, width]");
  const std::int64_t stride = o.stride == 0 ? o.kernel : o.stride;
  slide(shape, o.kernel, stride, 0);
  if (o.kind == "max_pool")
    return nn::AnyModule(nn::MaxPool2d(nn::MaxPool2dOptions(o.kernel).stride(stride)));
  return nn::AnyModule(nn::AvgPool2d(nn::AvgPool2dOptions(o.kernel).stride(stride)));
}

nn::AnyModule make_batch_norm(const LayerOptions&, Shape& shape) {
  if (shape.size() == 1) return nn::AnyModule(nn::BatchNorm1d(shape[0]));
  require_dims(shape, 3, "flat samples or images [channels, height, width]");
  return nn::AnyModule(nn::BatchNorm2d(shape[0]));
}

nn::AnyModule make_flatten(const LayerOptions&, Shape& shape) {
  shape = {std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>())};
  return nn::AnyModule(nn::Flatten());
}

nn::AnyModule make_global_pool(const LayerOptions&, Shape& shape) {
  require_dims(shape, 3, "images [channels, height, width]");
  shape = {shape[0], 1, 1};
  return nn::AnyModule(nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({1, 1})));
}

template <class Module>
nn::AnyModule make_plain(const LayerOptions&, Shape&) {
  return nn::AnyModule(Module());
}

using Maker = std::function<nn::AnyModule(const LayerOptions&, Shape&)>;

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"linear", make_linear},
      {"conv", make_conv},
      {"max_pool", make_pool},
      {"avg_pool", make_pool},
      {"batch_norm", make_batch_norm},
      {"layer_norm",
       [](const LayerOptions&, Shape& shape) {
         // Of a sequence each position by itself.
         const Shape normalised = shape.size() == 2 ? Shape{shape[1]} : shape;
         return nn::AnyModule(nn::LayerNorm(nn::LayerNormOptions(normalised)));
       }},
      {"dropout", [](const LayerOptions& o, Shape&) { return nn::AnyModule(nn::Dropout(o.p)); }},
      {"flatten", make_flatten},
      {"global_avg_pool", make_global_pool},
      {"relu", make_plain<nn::ReLU>},
      {"gelu", make_plain<nn::GELU>},
      {"tanh", make_plain<nn::Tanh>},
      {"sigmoid", make_plain<nn::Sigmoid>},
      {"silu", make_plain<nn::SiLU>},
      {"leaky_relu", make_plain<nn::LeakyReLU>},
      {"elu", make_plain<nn::ELU>},
      {"softplus", make_plain<nn::Softplus>},
  };
  return table;
}

}  // namespace

nn::AnyModule make_layer(const LayerOptions& options, Shape& shape,
                         const std::shared_ptr<SequenceLengths>& lengths) {
  if (options.kind == "embedding" || is_sequence_layer(options.kind))
    return make_sequence_layer(options, shape, lengths);
  const auto maker = makers().find(options.kind);
  if (maker == makers().end()) throw InputError("there is no such layer");
  return maker->second(options, shape);
}

}  // namespace convoy
