// One vector of each sequence.
#include <torch/nn.h>

#include <limits>

#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"
#include "model/layers/sequence_mask.hpp"

namespace convoy {

void describe(schema::Visitor& v, PoolTimeOptions& o) {
  v.key("output", o.output, schema::choice({"mean", "max", "last"}).required(),
        "the mean or the largest of its positions, or the last one");
}

namespace {

struct PoolTimeImpl : torch::nn::Module {
  PoolTimeImpl(std::string which, std::shared_ptr<SequenceLengths> of_batch)
      : kind(std::move(which)), lengths(std::move(of_batch)) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const torch::Tensor& own = lengths->lengths;
    if (kind == "last") {
      if (!own.defined()) return x.select(1, x.size(1) - 1);
      return x.gather(1, (own - 1).view({-1, 1, 1}).expand({-1, 1, x.size(2)})).squeeze(1);
    }
    if (!own.defined()) return kind == "max" ? std::get<0>(x.max(1)) : x.mean(1);
    const torch::Tensor mask = mask_of(*lengths, x.size(1)).unsqueeze(2);
    if (kind == "max") {
      constexpr double nothing = -std::numeric_limits<double>::infinity();
      return std::get<0>(x.masked_fill(mask.logical_not(), nothing).max(1));
    }
    return (x * mask).sum(1) / own.unsqueeze(1);
  }

  std::string kind;
  std::shared_ptr<SequenceLengths> lengths;
};
TORCH_MODULE(PoolTime);

torch::nn::AnyModule make_pool_time(const schema::AnyOptions& options, Shape& shape,
                                    const LayerContext& context) {
  require_sequence(shape);
  shape.erase(shape.begin());
  return torch::nn::AnyModule(PoolTime(options.as<PoolTimeOptions>().output, context.lengths));
}

const schema::Registered pool_time_layer(layers(), LayerKind{{.name = "pool_time",
                                                              .doc = "one vector of a sequence",
                                                              .bare = "output",
                                                              .options = PoolTimeOptions{}},
                                                             make_pool_time,
                                                             {.sequences = true}});

}  // namespace
}  // namespace convoy
