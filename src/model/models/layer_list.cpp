// layers: a model spelled out.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/model/layer.hpp"
#include "convoy/model/model_kind.hpp"

namespace convoy {

void describe(schema::Visitor& v, LayersOptions& o) {
  schema::chosen_items(v, layers(), "layers", o.layers, schema::any(),
                       "the layers in order, the output layer included");
}

namespace {

void list_takes_tokens(schema::AnyOptions& options, std::int64_t tokens) {
  for (LayerOptions& layer : options.edit<LayersOptions>().layers) {
    const auto found = layers().all().find(layer.kind);
    if (found != layers().all().end() && found->second.traits.take_tokens)
      found->second.traits.take_tokens(layer.own, tokens);
  }
}

// Of a text the classes are its tokens.
std::vector<LayerOptions> expand_list(const schema::AnyOptions& options, const DataSpec& spec) {
  schema::AnyOptions filled = options;
  list_takes_tokens(filled, spec.outputs);
  return filled.as<LayersOptions>().layers;
}

std::optional<schema::Problem> list_problem(const schema::AnyOptions& options) {
  const auto list = options.as<LayersOptions>().layers;
  if (list.empty()) {
    return schema::Problem{"layers",
                           "is missing; list the layers, or set model.kind to mlp or cnn"};
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const schema::Registration& kind = layers().need(list[i].kind);
    if (!kind.problem) continue;
    if (const auto found = kind.problem(list[i].own)) {
      return schema::Problem{fmt::format("layers.{}.{}.{}", i, kind.name, found->key), found->text};
    }
  }
  return std::nullopt;
}

std::optional<schema::Problem> list_by_column(const schema::AnyOptions& options) {
  for (const LayerOptions& layer : options.as<LayersOptions>().layers) {
    const LayerTraits& traits = layers().get(layer.kind).traits;
    if (traits.flattens) continue;
    if (traits.linear) return std::nullopt;
    break;
  }
  return schema::Problem{"layers", "begins with another layer than linear"};
}

const schema::Registered layer_list_model(models(), ModelKind{{.name = "layers",
                                                               .doc = "spelled out below `layers`",
                                                               .options = LayersOptions{},
                                                               .problem = list_problem},
                                                              expand_list,
                                                              nullptr,
                                                              {.columns_problem = list_by_column,
                                                               .take_tokens = list_takes_tokens}});

}  // namespace
}  // namespace convoy
