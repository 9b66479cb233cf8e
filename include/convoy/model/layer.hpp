#pragma once
// Layers by name. One file adds one (convoy/schema/registry.hpp); what makes it includes
// <torch/nn.h>, this header has no libtorch:
//
//   const schema::Registered swish(
//       layers(), LayerKind{{.name = "swish", .doc = "x times sigmoid(b x)",
//                            .options = SwishOptions{}},
//                           [](const schema::AnyOptions& options, Shape&, const LayerContext&) {
//                             return torch::nn::AnyModule(Swish(options.as<SwishOptions>().b));
//                           }});
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "convoy/core/tensor_names.hpp"
#include "convoy/model/options.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Of one sample, without the batch dimension.
using Shape = std::vector<std::int64_t>;

struct SequenceLengths;

/// What the layers of one network share.
struct LayerContext {
  std::shared_ptr<SequenceLengths> lengths;  ///< convoy/model/sequence_lengths.hpp
};

/// A layer that is a product with a weight [units, features], as torch::nn::Linear.
struct LinearForm {
  std::int64_t units = 0;
  bool bias = true;
};

/// What others ask of a layer.
struct LayerTraits {
  /// Takes sequences [length, numbers] of any length, and leaves out what LayerContext::lengths
  /// says is padding.
  bool sequences = false;
  /// A function of each number by itself, without options: may stand between an mlp's layers.
  bool activation = false;
  /// Makes one vector of each sample, and nothing else.
  bool flattens = false;
  /// Of a linear layer, which features may be partitioned by column before. Null: no such layer.
  std::function<LinearForm(const schema::AnyOptions&)> linear = nullptr;
  /// Fills in how many tokens there are, where the options leave it to the data. Null: it does not
  /// matter.
  std::function<void(schema::AnyOptions&, std::int64_t tokens)> take_tokens = nullptr;
};

struct LayerKind : schema::Registration {
  /// Makes the layer for input samples of `shape` and replaces `shape` by what it gives. Any random
  /// numbers come from libtorch's default generator. Throws InputError saying what the layer needs
  /// and what it got; who calls adds the layer's number and name.
  std::function<torch::nn::AnyModule(const schema::AnyOptions&, Shape&, const LayerContext&)> make;
  LayerTraits traits = {};
};

schema::Registry<LayerKind>& layers();

/// Throws InputError "needs NEEDS, gets samples of shape [...]" unless there are so many
/// dimensions.
void require_dimensions(const Shape& shape, std::size_t dimensions, std::string_view needs);

/// The same for sequences [length, numbers].
void require_sequence(const Shape& shape);

}  // namespace convoy

#pragma GCC visibility pop
