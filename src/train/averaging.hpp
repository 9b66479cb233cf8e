#pragma once
// Strategies in which each worker takes steps of its own, with its part of every global batch, and
// the workers' models come together now and then.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "comm/compression/group_sum.hpp"
#include "convoy/job/job.hpp"
#include "train/trained_values.hpp"

namespace convoy {

/// What a worker wants to happen after an exchange: the group is left for one of other members, or
/// the run ends. Of several wishes the greatest counts.
enum class Wish : std::int64_t { none, change, end };

/// One worker's part. All workers call the same methods in the same order, after the same steps.
class Averaging {
 public:
  virtual ~Averaging() = default;

  /// From now on with these workers; null: alone. Of those before only `common` is kept. Workers
  /// from rank `lanes` on have no lanes: they take no steps, and do not count in means.
  virtual void enter(Communicator* group, std::int64_t lanes) = 0;

  /// The exchange after `average_every` steps, the `number`-th of the run: `values`
  /// (TrainedValues) become those to go on from. Returns what happens after it: all workers get
  /// the same answer. When it throws PeerError, nothing has changed, and it may be tried again with
  /// other workers.
  virtual Wish exchange(std::int64_t number, std::span<float> values, Wish wish) = 0;

  /// The one model that the workers' `values` stand for, the same bits on all of them: what is
  /// evaluated, kept and the result. Collective.
  virtual void combine(std::span<const float> values, std::span<float> model) = 0;

  /// What is kept beside the worker's values; to be restored in place.
  using State = std::vector<std::pair<std::string, torch::Tensor>>;
  virtual State state() const { return common(); }

  /// Of the state, what is the same on all workers after an exchange.
  virtual State common() const = 0;

  /// What adds up the workers' changes, if something does.
  virtual const GroupSum* sum() const { return nullptr; }
};

/// By strategy.kind: local_sgd, elastic_averaging, gossip; null for others. It is alone until it
/// enters a group. `values`: of the model at the start, the same on all workers.
std::unique_ptr<Averaging> make_averaging(const StrategyOptions& strategy, std::uint64_t seed,
                                          const TrainedValues& values);

/// Gossip: whom `rank` of `size` workers averages with in exchange `number`; -1: nobody. A perfect
/// matching (but for one of an odd number): the neighbours to the right and to the left in turn, or
/// pairs by chance.
int gossip_partner(const std::string& neighbours, std::uint64_t seed, std::int64_t number, int rank,
                   int size);

/// The first exchange after which all workers know what `rank` knew before exchange `number`.
std::int64_t gossip_spread(const std::string& neighbours, std::uint64_t seed, std::int64_t number,
                           int rank, int size);

}  // namespace convoy
