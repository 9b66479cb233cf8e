#include "model/sequence_layers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <map>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

namespace nn = torch::nn;
using Lengths = std::shared_ptr<SequenceLengths>;

void require_sequence(const Shape& shape) {
  if (shape.size() == 2) return;
  throw InputError(fmt::format(
      "needs sequences [length, numbers] (put an 'embedding' layer before it), gets samples of "
      "shape [{}]",
      fmt::join(shape, ", ")));
}

/// bool [n, length]: what is not padding.
torch::Tensor mask_of(const SequenceLengths& lengths, std::int64_t length) {
  return torch::arange(length).unsqueeze(0).lt(lengths.lengths.unsqueeze(1));
}

// Rows of a table by number; numbers come as floats, as all features do. Padding becomes zeros.
struct EmbeddingRowsImpl : nn::Module {
  EmbeddingRowsImpl(std::int64_t values, std::int64_t units, Lengths of_batch)
      : rows(register_module("rows", nn::Embedding(values, units))), lengths(std::move(of_batch)) {}

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

  nn::Embedding rows;
  Lengths lengths;
};
TORCH_MODULE(EmbeddingRows);

nn::AnyModule make_embedding(const LayerOptions& o, Shape& shape, const Lengths& lengths) {
  if (shape.size() != 1) {
    throw InputError(
        fmt::format("needs flat samples, gets samples of shape [{}]", fmt::join(shape, ", ")));
  }
  if (o.values < 1) throw InputError("`values` is missing: how many numbers there are");
  shape.push_back(o.units);
  return nn::AnyModule(EmbeddingRows(o.values, o.units, lengths));
}

// GRU (Cho et al. 2014) or LSTM (Hochreiter & Schmidhuber 1997). Padding is not looked at.
template <class Unit, class UnitOptions>
struct RecurrentImpl : nn::Module {
  RecurrentImpl(std::int64_t inputs, const LayerOptions& o, Lengths of_batch)
      : unit(this->register_module(
            "unit",
            Unit(UnitOptions(inputs, o.units).batch_first(true).bidirectional(o.bidirectional)))),
        last(o.output == "last"),
        lengths(std::move(of_batch)) {}

  torch::Tensor forward(const torch::Tensor& x) {
    if (!lengths->lengths.defined()) {
      auto [outputs, state] = unit->forward(x);
      return last ? last_state(state) : outputs;
    }
    namespace rnn = nn::utils::rnn;
    const auto packed = rnn::pack_padded_sequence(x, lengths->lengths, /*batch_first=*/true,
                                                  /*enforce_sorted=*/false);
    auto [outputs, state] = unit->forward_with_packed_input(packed);
    if (last) return last_state(state);
    return std::get<0>(rnn::pad_packed_sequence(outputs, /*batch_first=*/true,
                                                /*padding_value=*/0, x.size(1)));
  }

  // [directions, n, units] to [n, directions * units]
  static torch::Tensor last_state(const torch::Tensor& state) {
    return state.transpose(0, 1).flatten(1);
  }
  static torch::Tensor last_state(const std::tuple<torch::Tensor, torch::Tensor>& state) {
    return last_state(std::get<0>(state));
  }

  Unit unit;
  bool last;
  Lengths lengths;
};

struct GruImpl : RecurrentImpl<nn::GRU, nn::GRUOptions> {
  using RecurrentImpl::RecurrentImpl;
};
TORCH_MODULE(Gru);
struct LstmImpl : RecurrentImpl<nn::LSTM, nn::LSTMOptions> {
  using RecurrentImpl::RecurrentImpl;
};
TORCH_MODULE(Lstm);

template <class Layer>
nn::AnyModule make_recurrent(const LayerOptions& o, Shape& shape, const Lengths& lengths) {
  require_sequence(shape);
  const std::int64_t inputs = shape[1];
  shape[1] = o.units * (o.bidirectional ? 2 : 1);
  if (o.output == "last") shape.erase(shape.begin());
  return nn::AnyModule(Layer(inputs, o, lengths));
}

// One block of an encoder (Vaswani et al. 2017), normalised before its parts (Xiong et al. 2020):
// x + attention(norm(x)), then x + linear(gelu(linear(norm(x)))).
struct TransformerImpl : nn::Module {
  TransformerImpl(std::int64_t numbers, const LayerOptions& o, Lengths of_batch)
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
  Lengths lengths;
};
TORCH_MODULE(Transformer);

nn::AnyModule make_transformer(const LayerOptions& o, Shape& shape, const Lengths& lengths) {
  require_sequence(shape);
  if (shape[1] % o.heads != 0) {
    throw InputError(fmt::format("{} numbers cannot be shared by {} heads; set heads to a divisor",
                                 shape[1], o.heads));
  }
  LayerOptions options = o;
  if (options.units == 0) options.units = 4 * shape[1];
  return nn::AnyModule(Transformer(shape[1], options, lengths));
}

// Learnt numbers for each position, added.
struct PositionsImpl : nn::Module {
  explicit PositionsImpl(const Shape& shape)
      : rows(register_parameter("rows", torch::randn(shape) * 0.02)) {}
  torch::Tensor forward(const torch::Tensor& x) { return x + rows.narrow(0, 0, x.size(1)); }
  torch::Tensor rows;
};
TORCH_MODULE(Positions);

nn::AnyModule make_positions(const LayerOptions&, Shape& shape, const Lengths&) {
  require_sequence(shape);
  return nn::AnyModule(Positions(shape));
}

// One vector of each sequence.
struct PoolTimeImpl : nn::Module {
  PoolTimeImpl(std::string which, Lengths of_batch)
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
  Lengths lengths;
};
TORCH_MODULE(PoolTime);

nn::AnyModule make_pool_time(const LayerOptions& o, Shape& shape, const Lengths& lengths) {
  require_sequence(shape);
  shape.erase(shape.begin());
  return nn::AnyModule(PoolTime(o.output, lengths));
}

using SequenceMaker = nn::AnyModule (*)(const LayerOptions&, Shape&, const Lengths&);

const std::map<std::string, SequenceMaker>& sequence_makers() {
  static const std::map<std::string, SequenceMaker> table = {
      {"embedding", make_embedding},  {"gru", make_recurrent<Gru>},
      {"lstm", make_recurrent<Lstm>}, {"transformer", make_transformer},
      {"positions", make_positions},  {"pool_time", make_pool_time},
  };
  return table;
}

}  // namespace

bool is_sequence_layer(const std::string& kind) {
  return kind != "embedding" && sequence_makers().contains(kind);
}

nn::AnyModule make_sequence_layer(const LayerOptions& options, Shape& shape,
                                  const std::shared_ptr<SequenceLengths>& lengths) {
  return sequence_makers().at(options.kind)(options, shape, lengths);
}

}  // namespace convoy
