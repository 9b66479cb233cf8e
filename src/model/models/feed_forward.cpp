// mlp and cnn: short for lists of layers.
#include <algorithm>

#include "convoy/model/layer.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/model/model_kind.hpp"

namespace convoy {
namespace {

std::vector<std::string_view> activation_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, kind] : layers().all()) {
    if (kind.traits.activation) names.emplace_back(name);
  }
  return names;
}

template <class Options>
void describe_hidden(schema::Visitor& v, Options& o) {
  v.key("hidden", o.hidden, schema::between(1, schema::many),
        "units of each fully connected layer before the output");
}

template <class Options>
void describe_between(schema::Visitor& v, Options& o) {
  v.key("activation", o.activation, schema::choice(activation_names()), "between the layers");
  v.key("batch_norm", o.batch_norm, schema::any(), "batch normalisation before each activation");
  v.key("dropout", o.dropout, schema::part(), "dropout after each hidden fully connected layer");
}

}  // namespace

void describe(schema::Visitor& v, MlpOptions& o) {
  describe_hidden(v, o);
  describe_between(v, o);
}

void describe(schema::Visitor& v, CnnOptions& o) {
  describe_hidden(v, o);
  v.key("channels", o.channels, schema::between(1, schema::wide),
        "one block (convolution, activation, pooling) for each number, its output channels");
  v.key("kernel", o.kernel, schema::between(1, schema::wide),
        "side of the square convolution kernel");
  v.key("pool", o.pool, schema::between(1, schema::wide),
        "side of each block's max pooling; 1: none");
  describe_between(v, o);
}

namespace {

using Layers = std::vector<LayerOptions>;

// One hidden layer's normalisation and activation.
template <class Options>
void push_activation(Layers& layers, const Options& o) {
  if (o.batch_norm) layers.push_back({"batch_norm"});
  layers.push_back({o.activation});
}

template <class Options>
void push_fully_connected(Layers& layers, const Options& o, const DataSpec& spec) {
  for (const std::int64_t units : o.hidden) {
    layers.push_back({"linear", LinearOptions{.units = units}});
    push_activation(layers, o);
    if (o.dropout > 0) layers.push_back({"dropout", DropoutOptions{.p = o.dropout}});
  }
  layers.push_back({"linear", LinearOptions{.units = spec.outputs}});
}

Layers expand_mlp(const schema::AnyOptions& options, const DataSpec& spec) {
  Layers layers;
  if (spec.feature_shape.size() > 1) layers.push_back({"flatten"});
  push_fully_connected(layers, options.as<MlpOptions>(), spec);
  return layers;
}

Layers expand_cnn(const schema::AnyOptions& options, const DataSpec& spec) {
  const auto o = options.as<CnnOptions>();
  Layers layers;
  for (const std::int64_t channels : o.channels) {
    layers.push_back(
        {"conv", ConvOptions{.channels = channels, .kernel = o.kernel, .padding = o.kernel / 2}});
    push_activation(layers, o);
    if (o.pool > 1) layers.push_back({"max_pool", PoolOptions{.kernel = o.pool}});
  }
  layers.push_back({"flatten"});
  push_fully_connected(layers, o, spec);
  return layers;
}

std::optional<schema::Problem> cnn_problem(const schema::AnyOptions& options) {
  if (!options.as<CnnOptions>().channels.empty()) return std::nullopt;
  return schema::Problem{"channels", "is empty; a cnn has at least one block, such as [32, 64]"};
}

std::optional<schema::Problem> cnn_by_column(const schema::AnyOptions&) {
  return schema::Problem{"kind", "cnn begins with a convolution, not with a linear layer"};
}

const schema::Registered mlp_model(
    models(), ModelKind{{.name = "mlp", .doc = "fully connected layers", .options = MlpOptions{}},
                        expand_mlp});
const schema::Registered cnn_model(models(),
                                   ModelKind{
                                       {.name = "cnn",
                                        .doc = "convolution blocks and then fully connected layers",
                                        .options = CnnOptions{},
                                        .guarantees = {.columns = false},
                                        .problem = cnn_problem},
                                       expand_cnn,
                                       nullptr,
                                       {.columns_problem = cnn_by_column}});

}  // namespace
}  // namespace convoy
