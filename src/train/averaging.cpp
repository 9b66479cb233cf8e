#include "train/averaging.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/split_mix.hpp"
#include "core/vectorise.hpp"

namespace convoy {
namespace {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

CONVOY_VECTORISE void subtract(const float* __restrict a, const float* __restrict b,
                               float* __restrict difference, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) difference[i] = a[i] - b[i];
}

// into += factor * from
CONVOY_VECTORISE void add_scaled(float* __restrict into, const float* __restrict from, float factor,
                                 std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) into[i] += factor * from[i];
}

// v = momentum * v + d; x += rate * (nesterov ? d + momentum * v : v)
CONVOY_VECTORISE void outer_step(float* __restrict x, const float* __restrict d,
                                 float* __restrict v, float rate, float momentum, bool nesterov,
                                 std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    v[i] = momentum * v[i] + d[i];
    x[i] += rate * (nesterov ? d[i] + momentum * v[i] : v[i]);
  }
}

torch::Tensor tensor_of(const TrainedValues& values) {
  torch::Tensor tensor = torch::zeros({static_cast<std::int64_t>(values.size())});
  values.read({tensor.data_ptr<float>(), values.size()});
  return tensor;
}

class WithGroup : public Averaging {
 protected:
  WithGroup(Communicator* group, const TrainedValues& values)
      : group_(group), parameters_(values.parameters()), size_(values.size()) {}

  int workers() const { return group_ == nullptr ? 1 : group_->size(); }
  float share() const { return 1.0F / static_cast<float>(workers()); }

  void add_up(std::span<float> values) {
    if (group_ != nullptr) group_->all_reduce(values);
  }

  bool anybody(bool wish) {
    std::int64_t flag = wish ? 1 : 0;
    if (group_ != nullptr) group_->all_reduce(std::span(&flag, 1), ReduceOp::max);
    return flag != 0;
  }

  Communicator* group_;
  std::size_t parameters_;
  std::size_t size_;
};

// Local SGD (Stich 2019); with momentum outside, DiLoCo (Douillard et al. 2023). The mean of the
// workers' changes since the last exchange is the outer optimizer's gradient. Running statistics
// become their mean.
class LocalSgd final : public WithGroup {
 public:
  LocalSgd(const StrategyOptions& strategy, std::uint64_t seed, Communicator* group,
           const TrainedValues& values)
      : WithGroup(group, values), outer_options_(strategy.outer), outer_(tensor_of(values)) {
    if (!plain()) velocity_ = torch::zeros({static_cast<std::int64_t>(parameters_)});
    if (group == nullptr) return;
    changes_ = make_group_sum(strategy.compression, seed, parameters_, values.matrices());
    changes_->enter(*group);
  }

  bool exchange(std::int64_t number, std::span<float> values, bool end) override {
    float* outer = outer_.data_ptr<float>();
    if (group_ == nullptr && plain()) {
      std::copy(values.begin(), values.end(), outer);
      return end;
    }
    std::vector<float> change(size_);
    subtract(values.data(), outer, change.data(), size_);
    if (changes_) changes_->add_up(number, std::span(change).first(parameters_));
    add_up(std::span(change).subspan(parameters_));
    if (plain()) {
      add_scaled(outer, change.data(), share(), size_);
    } else {
      for (float& value : std::span(change).first(parameters_)) value *= share();
      outer_step(outer, change.data(), velocity_.data_ptr<float>(),
                 static_cast<float>(outer_options_.rate),
                 static_cast<float>(outer_options_.momentum), outer_options_.nesterov, parameters_);
      add_scaled(outer + parameters_, change.data() + parameters_, share(), size_ - parameters_);
    }
    if (changes_) changes_->commit();
    std::copy_n(outer, size_, values.begin());
    return anybody(end);
  }

  void combine(std::span<const float> values, std::span<float> model) override {
    if (group_ == nullptr) {
      std::copy(values.begin(), values.end(), model.begin());
      return;
    }
    const float* outer = outer_.data_ptr<float>();
    std::vector<float> change(size_);
    subtract(values.data(), outer, change.data(), size_);
    add_up(change);
    std::copy_n(outer, size_, model.begin());
    add_scaled(model.data(), change.data(), share(), size_);
  }

  NamedTensors state() const override {
    NamedTensors kept{{"outer", outer_}};
    if (velocity_.defined()) kept.emplace_back("outer_momentum", velocity_);
    if (!changes_) return kept;
    for (auto& tensor : changes_->state()) kept.push_back(std::move(tensor));
    return kept;
  }

  const GroupSum* sum() const override { return changes_.get(); }

 private:
  bool plain() const { return outer_options_.rate == 1 && outer_options_.momentum == 0; }

  OuterOptions outer_options_;
  torch::Tensor outer_;     // the result of the last exchange
  torch::Tensor velocity_;  // of its parameters
  std::unique_ptr<GroupSum> changes_;
};

// Synchronous elastic averaging (Zhang, Choromanska, LeCun 2015): a worker and the centre pull at
// each other; elasticity is the paper's beta, a worker's part of it alpha = beta / workers. Every
// worker keeps the centre.
class ElasticAveraging final : public WithGroup {
 public:
  ElasticAveraging(const StrategyOptions& strategy, Communicator* group,
                   const TrainedValues& values)
      : WithGroup(group, values), elasticity_(strategy.elasticity), centre_(tensor_of(values)) {}

  bool exchange(std::int64_t, std::span<float> values, bool end) override {
    const float alpha = static_cast<float>(elasticity_) * share();
    float* centre = centre_.data_ptr<float>();
    std::vector<float> apart(size_);
    subtract(values.data(), centre, apart.data(), size_);
    add_scaled(values.data(), apart.data(), -alpha, size_);
    add_up(apart);
    add_scaled(centre, apart.data(), alpha, size_);
    return anybody(end);
  }

  void combine(std::span<const float>, std::span<float> model) override {
    std::copy_n(centre_.data_ptr<float>(), size_, model.begin());
  }

  NamedTensors state() const override { return {{"centre", centre_}}; }

 private:
  double elasticity_;
  torch::Tensor centre_;
};

// Gossip (Boyd et al. 2006; D-PSGD, Lian et al. 2017): pairs average, by messages between the two
// alone. That somebody wants to end spreads with the messages, so all end with the exchange by
// which all have heard of it.
class Gossip final : public WithGroup {
 public:
  Gossip(const StrategyOptions& strategy, std::uint64_t seed, Communicator* group,
         const TrainedValues& values)
      : WithGroup(group, values), neighbours_(strategy.neighbours), seed_(seed) {}

  bool exchange(std::int64_t number, std::span<float> values, bool end) override {
    if (group_ == nullptr) return end;
    const int me = group_->rank();
    if (end && last_ == never)
      last_ = gossip_spread(neighbours_, seed_, number, me, group_->size());
    const int peer = gossip_partner(neighbours_, seed_, number, me, group_->size());
    if (peer >= 0) average_with(peer, values);
    return number >= last_;
  }

  void combine(std::span<const float> values, std::span<float> model) override {
    std::copy(values.begin(), values.end(), model.begin());
    add_up(model);
    if (group_ == nullptr) return;
    for (float& value : model) value *= share();
  }

  NamedTensors state() const override { return {}; }

 private:
  static constexpr int gossip_tag = 4;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  void average_with(int peer, std::span<float> values) {
    std::vector<float> theirs(values.size());
    std::int64_t their_last = never;
    const auto bytes_of = [](std::int64_t& number) {
      return std::as_writable_bytes(std::span(&number, 1));
    };
    Work in = group_->irecv(peer, gossip_tag,
                            {bytes_of(their_last), std::as_writable_bytes(std::span(theirs))});
    group_->isend(peer, gossip_tag, {bytes_of(last_), std::as_bytes(values)}).wait();
    in.wait();
    last_ = std::min(last_, their_last);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = (values[i] + theirs[i]) * 0.5F;
  }

  std::string neighbours_;
  std::uint64_t seed_;
  std::int64_t last_ = never;  // the exchange with which all end, as far as this worker has heard
};

int ring_partner(std::int64_t number, int rank, int size) {
  const int shift = static_cast<int>(number % 2);
  const int place = rank - shift;
  if (place < 0) return size % 2 == 0 ? size - 1 : -1;
  const int partner = place % 2 == 0 ? rank + 1 : rank - 1;
  if (partner < size) return partner;
  return shift == 1 && size % 2 == 0 ? 0 : -1;
}

int random_partner(std::uint64_t seed, std::int64_t number, int rank, int size) {
  std::vector<int> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  const std::uint64_t draw = mixed(mixed(seed) + static_cast<std::uint64_t>(number));
  for (std::size_t i = order.size(); i > 1; --i) {  // Fisher-Yates
    const std::size_t other = mixed(draw + i) % i;
    std::swap(order[i - 1], order[other]);
  }
  const auto place = std::find(order.begin(), order.end(), rank) - order.begin();
  const std::ptrdiff_t partner = place % 2 == 0 ? place + 1 : place - 1;
  return partner < static_cast<std::ptrdiff_t>(order.size())
             ? order[static_cast<std::size_t>(partner)]
             : -1;
}

}  // namespace

int gossip_partner(const std::string& neighbours, std::uint64_t seed, std::int64_t number, int rank,
                   int size) {
  return neighbours == "random" ? random_partner(seed, number, rank, size)
                                : ring_partner(number, rank, size);
}

std::int64_t gossip_spread(const std::string& neighbours, std::uint64_t seed, std::int64_t number,
                           int rank, int size) {
  std::vector<bool> knows(static_cast<std::size_t>(size), false);
  knows[static_cast<std::size_t>(rank)] = true;
  for (std::int64_t round = number;; ++round) {
    std::vector<bool> then = knows;
    for (int r = 0; r < size; ++r) {
      const int peer = gossip_partner(neighbours, seed, round, r, size);
      if (peer >= 0 && knows[static_cast<std::size_t>(peer)])
        then[static_cast<std::size_t>(r)] = true;
    }
    knows = std::move(then);
    if (std::all_of(knows.begin(), knows.end(), [](bool known) { return known; })) return round;
  }
}

std::unique_ptr<Averaging> make_averaging(const StrategyOptions& strategy, std::uint64_t seed,
                                          Communicator* group, const TrainedValues& values) {
  if (strategy.kind == "local_sgd")
    return std::make_unique<LocalSgd>(strategy, seed, group, values);
  if (strategy.kind == "elastic_averaging")
    return std::make_unique<ElasticAveraging>(strategy, group, values);
  if (strategy.kind == "gossip") return std::make_unique<Gossip>(strategy, seed, group, values);
  return nullptr;
}

}  // namespace convoy
