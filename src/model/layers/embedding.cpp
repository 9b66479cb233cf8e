// Rows of a table by number.
#include <torch/nn.h>

#include "convoy/core/error.hpp"
#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/model/sequence_lengths.hpp"

namespace convoy {

void describe(schema::Visitor& v, EmbeddingOptions& o) {
  v.key("units", o.units, schema::between(1, schema::wide).required(), "how many");
  v.key("values", o.values, schema::between(0, schema::many),
        "numbers are whole, from 0 to below it; 0: as many as a text has tokens. -1 is "
        "padding, which becomes zeros");
}

namespace {

// Numbers come as floats, as all features do. Padding becomes zeros.
struct EmbeddingRowsImpl : torch::nn::Module {
  EmbeddingRowsImpl(std::int64_t values, std::int64_t units,
                    std::shared_ptr<SequenceLengths> of_batch)
      : rows(register_module("rows", torch::nn::Embedding(values, units))),
        lengths(std::move(of_batch)) {}

  torch::Tensor forward(torch::Tensor numbers) {
    lengths->lengths = torch::Tensor();
    torch::Tensor mask = numbers.ge(0);
    if (mask.all().item<bool>()) return rows(numbers.to(torch::kLong));
    if (lengths->cut) {
      lengths->lengths = mask.sum(1).clamp_min(1);
      const auto longest = lengths->lengths.max().item<std::int64_t>();
      numbers = numbers.narrow(1, 0, longest);
      mask = mask.narrow(1, 0, longest);
    }
    return rows(numbers.clamp_min(0).to(torch::kLong)) * mask.unsqueeze(2);
  }

  torch::nn::Embedding rows;
  std::shared_ptr<SequenceLengths> lengths;
};
TORCH_MODULE(EmbeddingRows);

torch::nn::AnyModule make_embedding(const schema::AnyOptions& options, Shape& shape,
                                    const LayerContext& context) {
  const auto o = options.as<EmbeddingOptions>();
  require_dimensions(shape, 1, "flat samples");
  if (o.values < 1) throw InputError("`values` is missing: how many numbers there are");
  shape.push_back(o.units);
  return torch::nn::AnyModule(EmbeddingRows(o.values, o.units, context.lengths));
}

void embed_tokens(schema::AnyOptions& options, std::int64_t tokens) {
  auto& embedding = options.edit<EmbeddingOptions>();
  if (embedding.values == 0) embedding.values = tokens;
}

const schema::Registered embedding_layer(
    layers(), LayerKind{{.name = "embedding",
                         .doc = "each number becomes `units` numbers of its own, which are learnt",
                         .bare = "units",
                         .options = EmbeddingOptions{}},
                        make_embedding,
                        {.take_tokens = embed_tokens}});

}  // namespace
}  // namespace convoy
