// GRU (Cho et al. 2014) and LSTM (Hochreiter & Schmidhuber 1997). Padding is not looked at.
#include <torch/nn.h>

#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/model/sequence_lengths.hpp"

namespace convoy {

void describe(schema::Visitor& v, RecurrentOptions& o) {
  v.key("units", o.units, schema::between(1, schema::wide).required(), "numbers of the state");
  v.key("bidirectional", o.bidirectional, schema::any(),
        "from both ends: twice as many numbers come out");
  v.key("output", o.output, schema::choice({"sequence", "last"}),
        "what each position gave, or the last one alone");
}

namespace {

template <class Unit, class UnitOptions>
struct RecurrentImpl : torch::nn::Module {
  RecurrentImpl(std::int64_t inputs, const RecurrentOptions& o,
                std::shared_ptr<SequenceLengths> of_batch)
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
    namespace rnn = torch::nn::utils::rnn;
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
  std::shared_ptr<SequenceLengths> lengths;
};

struct GruImpl : RecurrentImpl<torch::nn::GRU, torch::nn::GRUOptions> {
  using RecurrentImpl::RecurrentImpl;
};
TORCH_MODULE(Gru);
struct LstmImpl : RecurrentImpl<torch::nn::LSTM, torch::nn::LSTMOptions> {
  using RecurrentImpl::RecurrentImpl;
};
TORCH_MODULE(Lstm);

template <class Layer>
torch::nn::AnyModule make_recurrent(const schema::AnyOptions& options, Shape& shape,
                                    const LayerContext& context) {
  const auto o = options.as<RecurrentOptions>();
  require_sequence(shape);
  const std::int64_t inputs = shape[1];
  shape[1] = o.units * (o.bidirectional ? 2 : 1);
  if (o.output == "last") shape.erase(shape.begin());
  return torch::nn::AnyModule(Layer(inputs, o, context.lengths));
}

const schema::Registered gru_layer(layers(),
                                   LayerKind{{.name = "gru",
                                              .doc = "gated recurrent units, along a sequence",
                                              .bare = "units",
                                              .options = RecurrentOptions{}},
                                             make_recurrent<Gru>,
                                             {.sequences = true}});
const schema::Registered lstm_layer(layers(),
                                    LayerKind{{.name = "lstm",
                                               .doc = "long short-term memory, along a sequence",
                                               .bare = "units",
                                               .options = RecurrentOptions{}},
                                              make_recurrent<Lstm>,
                                              {.sequences = true}});

}  // namespace
}  // namespace convoy
