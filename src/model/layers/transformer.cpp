// One block of an encoder (Vaswani et al. 2017), normalised before its parts (Xiong et al. 2020):
// x + attention(norm(x)), then x + linear(gelu(linear(norm(x)))). And numbers for positions.
#include <fmt/format.h>
#include <torch/nn.h>

#include <cmath>
#include <limits>

#include "convoy/core/error.hpp"
#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"
#include "model/layers/sequence_mask.hpp"

namespace convoy {

void describe(schema::Visitor& v, TransformerOptions& o) {
  v.key("heads", o.heads, schema::between(1, 1024), "of the attention");
  v.key("units", o.units, schema::between(0, schema::wide),
        "of the first linear layer; 0: four times what a position has");
  v.key("causal", o.causal, schema::any(), "a position sees itself and those before it only");
}

namespace {

namespace nn = torch::nn;

struct TransformerImpl : nn::Module {
  TransformerImpl(std::int64_t numbers, const TransformerOptions& o,
                  std::shared_ptr<SequenceLengths> of_batch)
      : norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({numbers})))),
        projection(register_module("projection", nn::Linear(numbers, 3 * numbers))),
        output(register_module("output", nn::Linear(numbers, numbers))),
        norm_2(register_module("norm_2", nn::LayerNorm(nn::LayerNormOptions({numbers})))),
        wide(register_module("wide", nn::Linear(numbers, o.units))),
        narrow(register_module("narrow", nn::Linear(o.units, numbers))),
        heads(o.heads),
        causal(o.causal),
        lengths(std::move(of_batch)) {}

  torch::Tensor forward(torch::Tensor x) {
    x = x + output(attention(projection(norm(x))));
    return x + narrow(torch::gelu(wide(norm_2(x))));
  }

  // Queries, keys and values [n, length, 3 * numbers] to [n, length, numbers].
  torch::Tensor attention(const torch::Tensor& projected) const {
    const std::int64_t n = projected.size(0);
    const std::int64_t length = projected.size(1);
    const std::int64_t part = projected.size(2) / 3 / heads;
    const torch::Tensor split =
        projected.view({n, length, 3, heads, part}).permute({2, 0, 3, 1, 4});
    torch::Tensor scores =
        split[0].matmul(split[1].transpose(2, 3)) / std::sqrt(static_cast<double>(part));
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    if (lengths->lengths.defined()) {
      const torch::Tensor padding = mask_of(*lengths, length).logical_not();
      scores = scores.masked_fill(padding.view({n, 1, 1, length}), nothing);
    }
    if (causal)
      scores = scores.masked_fill(torch::ones({length, length}, torch::kBool).triu(1), nothing);
    return scores.softmax(3).matmul(split[2]).transpose(1, 2).reshape({n, length, heads * part});
  }

  nn::LayerNorm norm;
  nn::Linear projection;
  nn::Linear output;
  nn::LayerNorm norm_2;
  nn::Linear wide;
  nn::Linear narrow;
  std::int64_t heads;
  bool causal;
  std::shared_ptr<SequenceLengths> lengths;
};
TORCH_MODULE(Transformer);

nn::AnyModule make_transformer(const schema::AnyOptions& options, Shape& shape,
                               const LayerContext& context) {
  auto o = options.as<TransformerOptions>();
  require_sequence(shape);
  if (shape[1] % o.heads != 0) {
    throw InputError(fmt::format("{} numbers cannot be shared by {} heads; set heads to a divisor",
                                 shape[1], o.heads));
  }
  if (o.units == 0) o.units = 4 * shape[1];
  return nn::AnyModule(Transformer(shape[1], o, context.lengths));
}

const schema::Registered transformer_layer(
    layers(), LayerKind{{.name = "transformer",
                         .doc = "a block of a transformer: attention between the positions of a "
                                "sequence, then two linear layers, each normalised before and "
                                "added to what it got",
                         .bare = "heads",
                         .options = TransformerOptions{}},
                        make_transformer,
                        {.sequences = true}});

// Learnt numbers for each position, added.
struct PositionsImpl : nn::Module {
  explicit PositionsImpl(const Shape& shape)
      : rows(register_parameter("rows", torch::randn(shape) * 0.02)) {}
  torch::Tensor forward(const torch::Tensor& x) { return x + rows.narrow(0, 0, x.size(1)); }
  torch::Tensor rows;
};
TORCH_MODULE(Positions);

const schema::Registered positions_layer(
    layers(), LayerKind{{.name = "positions",
                         .doc = "adds numbers to each position of a sequence, which are learnt"},
                        [](const schema::AnyOptions&, Shape& shape, const LayerContext&) {
                          require_sequence(shape);
                          return nn::AnyModule(Positions(shape));
                        },
                        {.sequences = true}});

}  // namespace
}  // namespace convoy
