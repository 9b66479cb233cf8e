#include "infer/inference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <numeric>

#include "convoy/core/error.hpp"
#include "convoy/lanes/lane.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/metric/metrics.hpp"
#include "core/aligned.hpp"

namespace convoy {
namespace {

InferredPiece infer_piece(Network& network, const Dataset& dataset, std::int64_t begin,
                          std::int64_t end, std::uint64_t seed) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(end - begin));
  std::iota(rows.begin(), rows.end(), begin);
  return infer_batch(network, dataset.read(rows), begin, seed);
}

}  // namespace

InferredPiece infer_batch(Network& network, Batch batch, std::int64_t begin, std::uint64_t seed) {
  const torch::NoGradGuard no_grad;
  const LaneRandom random(
      derive_seed(seed, RandomPurpose::infer, begin));  // models that sample when they predict
  try {
    return {network.forward(aligned(batch.features)).contiguous(), batch.target,
            std::move(batch.samples)};
  } catch (const c10::Error& error) {
    const std::string text = error.what();
    throw InputError(fmt::format("the model failed on samples of shape [{}]: {}",
                                 fmt::join(batch.features.sizes().slice(1), ", "),
                                 text.substr(0, text.find('\n'))));
  }
}

Inference join_pieces(std::vector<InferredPiece>& pieces) {
  Inference whole;
  std::vector<torch::Tensor> outputs;
  std::vector<torch::Tensor> targets;
  for (InferredPiece& piece : pieces) {
    outputs.push_back(piece.output);
    if (piece.target.defined()) targets.push_back(piece.target);
    whole.samples.insert(whole.samples.end(), piece.samples.begin(), piece.samples.end());
  }
  if (!outputs.empty()) whole.outputs = torch::cat(outputs);
  if (!targets.empty() && targets.size() == outputs.size()) whole.target = torch::cat(targets);
  return whole;
}

Inference run_inference(ReplicaPool& pool, std::span<Network* const> networks,
                        const Dataset& dataset, std::int64_t batch, std::uint64_t seed, int part,
                        int parts) {
  const std::int64_t size = dataset.size();
  const Range share = even_part((size + batch - 1) / batch, parts, part);
  std::vector<InferredPiece> pieces(static_cast<std::size_t>(share.size()));
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  pool.run([&](int replica) {
    for (std::size_t i = next++; i < pieces.size() && !failed; i = next++) {
      const std::int64_t begin = (share.begin + static_cast<std::int64_t>(i)) * batch;
      try {
        pieces[i] =
            infer_piece(*networks[replica], dataset, begin, std::min(begin + batch, size), seed);
      } catch (...) {
        failed = true;
        throw;
      }
    }
  });
  return join_pieces(pieces);
}

class Predictor::Impl {
 public:
  Impl(const ModelFactory& factory, int replicas, std::int64_t batch_size, std::uint64_t seed_value)
      : batch(batch_size), seed(seed_value), pool(replicas) {
    for (int replica = 0; replica < replicas; ++replica) {
      networks.push_back(factory());
      set_training(*networks.back().module, false);
    }
  }
  std::int64_t batch;
  std::uint64_t seed;
  ReplicaPool pool;
  std::vector<Network> networks;
};

Predictor::Predictor(const ModelFactory& factory, int replicas, std::int64_t batch,
                     std::uint64_t seed)
    : impl_(std::make_unique<Impl>(factory, replicas, batch, seed)) {}
Predictor::~Predictor() = default;

std::vector<Network>& Predictor::networks() {
  return impl_->networks;
}

void Predictor::load(const std::filesystem::path& model_file) {
  for (Network& network : impl_->networks) load_weights(model_file, *network.module);
}

Inference Predictor::run(const Dataset& dataset) {
  std::vector<Network*> networks;
  for (Network& network : impl_->networks) networks.push_back(&network);
  return run_inference(impl_->pool, networks, dataset, impl_->batch, impl_->seed);
}

nlohmann::ordered_json evaluate(const Inference& inference, const DataSpec& spec,
                                const Loss& loss) {
  nlohmann::ordered_json metrics;
  if (inference.samples.empty() || !inference.target.defined()) return metrics;
  const torch::NoGradGuard no_grad;
  // In double: the float mean over all samples would lose digits that the metrics keep.
  const torch::Tensor target =
      inference.target.is_floating_point() ? inference.target.to(torch::kDouble) : inference.target;
  metrics["loss"] = loss.mean(inference.outputs.to(torch::kDouble), target).item<double>();
  metrics.update(compute_metrics(spec, inference.outputs, inference.target));
  return metrics;
}

}  // namespace convoy
