// A model that is no list of layers: a small residual network (He et al. 2016, "Deep Residual
// Learning for Image Recognition"). Each block adds what two convolutions make of its input to the
// input; the first block of each stage but the first one halves height and width.
#include <torch/nn.h>

#include <convoy/model/layer.hpp>
#include <convoy/model/model.hpp>
#include <convoy/model/model_kind.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("residual", "1.0")

namespace {

namespace schema = convoy::schema;

struct ResidualOptions {
  std::vector<std::int64_t> channels = {16, 32, 64};
  std::int64_t blocks = 1;
};

void describe(schema::Visitor& v, ResidualOptions& o) {
  v.key("channels", o.channels, schema::between(1, schema::wide), "of each stage");
  v.key("blocks", o.blocks, schema::between(1, 1000), "in each stage");
}

std::optional<schema::Problem> problem(const schema::AnyOptions& options) {
  if (!options.as<ResidualOptions>().channels.empty()) return std::nullopt;
  return schema::Problem{"channels", "is empty; give a number for each stage, such as [16, 32]"};
}

torch::nn::Sequential convolution(std::int64_t from, std::int64_t to, std::int64_t side,
                                  std::int64_t stride) {
  return torch::nn::Sequential(torch::nn::Conv2d(torch::nn::Conv2dOptions(from, to, side)
                                                     .stride(stride)
                                                     .padding(side / 2)
                                                     .bias(false)),  // the normalisation adds one
                               torch::nn::BatchNorm2d(to));
}

struct BlockImpl : torch::nn::Module {
  BlockImpl(std::int64_t from, std::int64_t to, std::int64_t stride)
      : first(register_module("first", convolution(from, to, 3, stride))),
        second(register_module("second", convolution(to, to, 3, 1))) {
    if (from != to || stride != 1)
      projection = register_module("projection", convolution(from, to, 1, stride));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    const torch::Tensor change = second->forward(torch::relu(first->forward(x)));
    return torch::relu((projection.is_empty() ? x : projection->forward(x)) + change);
  }
  torch::nn::Sequential first, second;
  torch::nn::Sequential projection = nullptr;  // where the input has another shape
};
TORCH_MODULE(Block);

struct Residual : torch::nn::Module {
  Residual(std::int64_t inputs, std::int64_t outputs, const ResidualOptions& o) {
    std::int64_t channels = o.channels.front();
    blocks = register_module("blocks", convolution(inputs, channels, 3, 1));
    blocks->push_back(torch::nn::ReLU());
    for (std::size_t stage = 0; stage < o.channels.size(); ++stage) {
      for (std::int64_t i = 0; i < o.blocks; ++i) {
        blocks->push_back(Block(channels, o.channels[stage], stage > 0 && i == 0 ? 2 : 1));
        channels = o.channels[stage];
      }
    }
    last = register_module("last", torch::nn::Linear(channels, outputs));
  }
  torch::Tensor forward(const torch::Tensor& x) { return last(blocks->forward(x).mean({2, 3})); }
  torch::nn::Sequential blocks;
  torch::nn::Linear last = nullptr;
};

convoy::Network make_residual(const schema::AnyOptions& options, const convoy::DataSpec& spec) {
  convoy::require_dimensions(spec.feature_shape, 3, "images [channels, height, width]");
  return convoy::model_factory<Residual>(spec.feature_shape[0], spec.outputs,
                                         options.as<ResidualOptions>())();
}

const schema::Registered residual(convoy::models(),
                                  convoy::ModelKind{
                                      {.name = "residual",
                                       .doc = "a residual network for images (He et al. 2016)",
                                       .options = ResidualOptions{},
                                       .guarantees = {.columns = false},
                                       .problem = problem},
                                      nullptr,
                                      make_residual});

}  // namespace
