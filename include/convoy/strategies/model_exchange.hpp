#pragma once
// Strategies in which each worker takes steps of its own, with its part of every global batch, and
// the workers' models come together now and then. What happens when they do is a ModelExchange.
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "convoy/comm/compression/compression.hpp"
#include "convoy/core/tensor.hpp"
#include "convoy/strategies/strategy.hpp"

#pragma GCC visibility push(default)

namespace convoy {

class GroupSum;

/// All that training changes in a model, as one array: trainable parameters one after the other,
/// then the buffers that are float (running statistics).
struct InitialModel {
  torch::Tensor values;                    ///< [size], float32: a copy
  std::size_t parameters = 0;              ///< of them the first ones
  std::vector<PowerSgd::Matrix> matrices;  ///< the parameters that are matrices
};

/// One worker's part. All workers call the same methods in the same order, after the same steps.
class ModelExchange {
 public:
  virtual ~ModelExchange() = default;

  /// From now on with these workers; null: alone. Of those before only `common` is kept. Workers
  /// from rank `lanes` on have no lanes: they take no steps, and do not count in means.
  virtual void enter(Communicator* group, std::int64_t lanes) = 0;

  /// The exchange after so many steps, the `number`-th of the run: `values` (laid out as
  /// InitialModel::values) become those to go on from. Returns what happens after it: all workers
  /// get the same answer. When it throws PeerError, nothing has changed, and it may be tried again
  /// with other workers.
  virtual Request exchange(std::int64_t number, std::span<float> values, Request request) = 0;

  /// The one model that the workers' `values` stand for, the same bits on all of them: what is
  /// evaluated, kept and the result. Collective.
  virtual void combine(std::span<const float> values, std::span<float> model) = 0;

  /// What is kept beside the worker's values; to be restored in place.
  using State = std::vector<std::pair<std::string, torch::Tensor>>;
  virtual State state() const { return common(); }

  /// Of the state, what is the same on all workers after an exchange.
  virtual State common() const = 0;

  /// Whether a worker that missed an exchange keeps what it has: true where not all workers have
  /// the same after one.
  virtual bool may_be_missed() const { return false; }

  /// What adds up the workers' changes, if something does.
  virtual const GroupSum* sum() const { return nullptr; }
};

/// Makes one that is alone until it enters a group, from the model at the start, which is the same
/// on all workers.
using ModelExchangeFactory = std::function<std::unique_ptr<ModelExchange>(const InitialModel&)>;

struct StrategySetup;

/// The strategy: each worker takes steps of its own, and all meet after every `average_every` of
/// them.
std::unique_ptr<Strategy> make_local_steps(const StrategySetup& setup, const StrategyTraits& traits,
                                           std::int64_t average_every,
                                           ModelExchangeFactory exchange);

/// Gossip: whom `rank` of `size` workers averages with in exchange `number`; -1: nobody. A perfect
/// matching (but for one of an odd number): the neighbours to the right and to the left in turn, or
/// pairs by chance.
int gossip_partner(const std::string& neighbours, std::uint64_t seed, std::int64_t number, int rank,
                   int size);

/// The first exchange after which all workers know what `rank` knew before exchange `number`.
std::int64_t gossip_spread(const std::string& neighbours, std::uint64_t seed, std::int64_t number,
                           int rank, int size);

}  // namespace convoy

#pragma GCC visibility pop
