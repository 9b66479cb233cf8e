#include "convoy/model/options.hpp"

#include "convoy/schema/items.hpp"

namespace convoy::schema {
namespace {

KindOf<LayerOptions> plain_layer(std::string_view name, std::string_view doc) {
  return {{name, "", doc}, [](Visitor&, LayerOptions&) {}};
}

KindOf<LayerOptions> pool_layer(std::string_view name, std::string_view doc) {
  return {{name, "kernel", doc}, [](Visitor& v, LayerOptions& o) {
            v.key("kernel", o.kernel, between(1, wide).required(),
                  "side of the square that becomes one value");
            v.key("stride", o.stride, between(0, wide), "distance between squares; 0: `kernel`");
          }};
}

KindOf<LayerOptions> recurrent_layer(std::string_view name, std::string_view doc) {
  return {{name, "units", doc}, [](Visitor& v, LayerOptions& o) {
            v.key("units", o.units, between(1, wide).required(), "numbers of the state");
            v.key("bidirectional", o.bidirectional, any(),
                  "from both ends: twice as many numbers come out");
            v.key("output", o.output, choice({"sequence", "last"}),
                  "what each position gave, or the last one alone");
          }};
}

}  // namespace

std::vector<KindOf<LayerOptions>> layer_kinds() {
  return {
      {{"embedding", "units", "each number becomes `units` numbers of its own, which are learnt"},
       [](Visitor& v, LayerOptions& o) {
         v.key("units", o.units, between(1, wide).required(), "how many");
         v.key("values", o.values, between(0, many),
               "numbers are whole, from 0 to below it; 0: as many as a text has tokens. -1 is "
               "padding, which becomes zeros");
       }},
      recurrent_layer("gru", "gated recurrent units, along a sequence"),
      recurrent_layer("lstm", "long short-term memory, along a sequence"),
      {{"transformer", "heads",
        "a block of a transformer: attention between the positions of a sequence, then two linear "
        "layers, each normalised before and added to what it got"},
       [](Visitor& v, LayerOptions& o) {
         v.key("heads", o.heads, between(1, 1024), "of the attention");
         v.key("units", o.units, between(0, wide),
               "of the first linear layer; 0: four times what a position has");
         v.key("causal", o.causal, any(), "a position sees itself and those before it only");
       }},
      plain_layer("positions", "adds numbers to each position of a sequence, which are learnt"),
      {{"pool_time", "output", "one vector of a sequence"},
       [](Visitor& v, LayerOptions& o) {
         v.key("output", o.output, choice({"mean", "max", "last"}).required(),
               "the mean or the largest of its positions, or the last one");
       }},
      {{"linear", "units", "fully connected"},
       [](Visitor& v, LayerOptions& o) {
         v.key("units", o.units, between(1, many).required(), "outputs");
         v.key("bias", o.bias, any(), "whether a constant is learned for each output");
       }},
      {{"conv", "channels", "two-dimensional convolution"},
       [](Visitor& v, LayerOptions& o) {
         v.key("channels", o.channels, between(1, wide).required(), "output channels");
         v.key("kernel", o.kernel, between(1, wide), "side of the square kernel");
         v.key("stride", o.stride, between(0, wide), "distance between kernel positions; 0: 1");
         v.key("padding", o.padding, between(0, wide),
               "rows and columns of zeros added on each side");
         v.key("bias", o.bias, any(), "whether a constant is learned for each channel");
       }},
      pool_layer("max_pool", "the largest value of each square"),
      pool_layer("avg_pool", "the mean of each square"),
      plain_layer("batch_norm", "normalises each channel or feature over the samples of a lane"),
      plain_layer("layer_norm", "normalises each sample over its features"),
      {{"dropout", "p", "zeroes random values while training"},
       [](Visitor& v, LayerOptions& o) { v.key("p", o.p, part(), "the part that becomes 0"); }},
      plain_layer("flatten", "each sample becomes one vector"),
      plain_layer("global_avg_pool", "the mean of each channel"),
      plain_layer("relu", "max(x, 0)"),
      plain_layer("gelu", "x times the normal distribution function of x"),
      plain_layer("tanh", "hyperbolic tangent"),
      plain_layer("sigmoid", "1 / (1 + exp(-x))"),
      plain_layer("silu", "x times sigmoid(x)"),
      plain_layer("leaky_relu", "x, or 0.01 x below 0"),
      plain_layer("elu", "x, or exp(x) - 1 below 0"),
      plain_layer("softplus", "log(1 + exp(x))"),
  };
}

void describe(Visitor& v, ModelOptions& o) {
  v.key("kind", o.kind, choice({"mlp", "cnn", "layers"}),
        "fully connected layers; convolution blocks and then fully connected layers; or spelled "
        "out below `layers`");
  v.key("hidden", o.hidden, between(1, many).only_for({"mlp", "cnn"}),
        "units of each fully connected layer before the output");
  v.key("channels", o.channels, between(1, wide).only_for({"cnn"}),
        "one block (convolution, activation, pooling) for each number, its output channels");
  v.key("kernel", o.kernel, between(1, wide).only_for({"cnn"}),
        "side of the square convolution kernel");
  v.key("pool", o.pool, between(1, wide).only_for({"cnn"}),
        "side of each block's max pooling; 1: none");
  v.key("activation", o.activation,
        choice({"relu", "gelu", "tanh", "sigmoid", "silu", "leaky_relu", "elu", "softplus"})
            .only_for({"mlp", "cnn"}),
        "between the layers");
  v.key("batch_norm", o.batch_norm, any().only_for({"mlp", "cnn"}),
        "batch normalisation before each activation");
  v.key("dropout", o.dropout, part().only_for({"mlp", "cnn"}),
        "dropout after each hidden fully connected layer");
  items(v, "layers", o.layers, layer_kinds(), any().only_for({"layers"}),
        "the layers in order, the output layer included");
  v.key("init", o.init,
        choice({"default", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal",
                "normal", "zeros"}),
        "how parameters start; default: libtorch's own way for each layer");
}

}  // namespace convoy::schema
