#include "convoy/strategies/model_exchange.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "comm/compression/group_sum.hpp"
#include "convoy/comm/communicator.hpp"
#include "convoy/lanes/random.hpp"
#include "core/split_mix.hpp"
#include "core/vectorise.hpp"
#include "strategies/facts.hpp"
#include "strategies/kinds.hpp"
#include "strategies/setup.hpp"

namespace convoy {
namespace {

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

class WithGroup : public ModelExchange {
 public:
  void enter(Communicator* group, std::int64_t lanes) override {
    group_ = group;
    contributors_ = static_cast<int>(std::min<std::int64_t>(lanes, workers()));
    contributes_ = group == nullptr || group->rank() < lanes;
  }

 protected:
  explicit WithGroup(const ModelValues& model)
      : parameters_(model.parameters), size_(static_cast<std::size_t>(model.values.numel())) {}

  int workers() const { return group_ == nullptr ? 1 : group_->size(); }
  float share() const { return 1.0F / static_cast<float>(contributors_); }

  void add_up(std::span<float> values) {
    if (group_ != nullptr) group_->all_reduce(values);
  }

  Request greatest(Request request) {
    auto number = static_cast<std::int64_t>(request);
    if (group_ != nullptr) group_->all_reduce(std::span(&number, 1), ReduceOp::max);
    return static_cast<Request>(number);
  }

  Communicator* group_ = nullptr;
  int contributors_ = 1;
  bool contributes_ = true;
  std::size_t parameters_;
  std::size_t size_;
};

// Local SGD (Stich 2019); with momentum outside, DiLoCo (Douillard et al. 2023). The mean of the
// workers' changes since the last exchange is the outer optimizer's gradient. Running statistics
// become their mean.
class LocalSgd final : public WithGroup {
 public:
  LocalSgd(const StrategyOptions& strategy, std::uint64_t seed, const ModelValues& model)
      : WithGroup(model),
        outer_options_(strategy.outer),
        compression_(strategy.compression),
        seed_(seed),
        matrices_(model.matrices),
        outer_(model.values.clone()) {
    if (!plain()) velocity_ = torch::zeros({static_cast<std::int64_t>(parameters_)});
  }

  void enter(Communicator* group, std::int64_t lanes) override {
    WithGroup::enter(group, lanes);
    changes_.reset();
    if (group == nullptr) return;
    changes_ = make_group_sum(compression_, seed_, parameters_, matrices_);
    changes_->enter(*group);
  }

  Request exchange(std::int64_t number, std::span<float> values, Request request) override {
    const Request agreed = greatest(request);
    float* outer = outer_.data_ptr<float>();
    if (group_ == nullptr && plain()) {
      std::copy(values.begin(), values.end(), outer);
      return agreed;
    }
    std::vector<float> change = change_of(values);
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
    return agreed;
  }

  void combine(std::span<const float> values, std::span<float> model) override {
    if (group_ == nullptr) {
      std::copy(values.begin(), values.end(), model.begin());
      return;
    }
    std::vector<float> change = change_of(values);
    add_up(change);
    std::copy_n(outer_.data_ptr<float>(), size_, model.begin());
    add_scaled(model.data(), change.data(), share(), size_);
  }

  State state() const override {
    State kept = common();
    if (!changes_) return kept;
    for (auto& tensor : changes_->state()) kept.push_back(std::move(tensor));
    return kept;
  }

  State common() const override {
    State kept{{"outer", outer_}};
    if (velocity_.defined()) kept.emplace_back("outer_momentum", velocity_);
    return kept;
  }

  const GroupSum* sum() const override { return changes_.get(); }

 private:
  bool plain() const { return outer_options_.rate == 1 && outer_options_.momentum == 0; }

  std::vector<float> change_of(std::span<const float> values) const {
    std::vector<float> change(size_);
    if (contributes_) subtract(values.data(), outer_.data_ptr<float>(), change.data(), size_);
    return change;
  }

  OuterOptions outer_options_;
  CompressionOptions compression_;
  std::uint64_t seed_;
  std::vector<PowerSgd::Matrix> matrices_;
  torch::Tensor outer_;     // the result of the last exchange
  torch::Tensor velocity_;  // of its parameters
  std::unique_ptr<GroupSum> changes_;
};

// Synchronous elastic averaging (Zhang, Choromanska, LeCun 2015): a worker and the centre pull at
// each other; elasticity is the paper's beta, a worker's part of it alpha = beta / workers. Every
// worker keeps the centre.
class ElasticAveraging final : public WithGroup {
 public:
  ElasticAveraging(const StrategyOptions& strategy, const ModelValues& model)
      : WithGroup(model), elasticity_(strategy.elasticity), centre_(model.values.clone()) {}

  Request exchange(std::int64_t, std::span<float> values, Request request) override {
    const Request agreed = greatest(request);
    const float alpha = static_cast<float>(elasticity_) * share();
    float* centre = centre_.data_ptr<float>();
    std::vector<float> apart(size_);
    if (contributes_) subtract(values.data(), centre, apart.data(), size_);
    std::vector<float> sum = apart;
    add_up(sum);
    add_scaled(values.data(), apart.data(), -alpha, size_);
    add_scaled(centre, sum.data(), alpha, size_);
    if (!contributes_) std::copy_n(centre, size_, values.begin());
    return agreed;
  }

  void combine(std::span<const float>, std::span<float> model) override {
    std::copy_n(centre_.data_ptr<float>(), size_, model.begin());
  }

  State common() const override { return {{"centre", centre_}}; }

 private:
  double elasticity_;
  torch::Tensor centre_;
};

// Gossip (Boyd et al. 2006; D-PSGD, Lian et al. 2017): pairs average, by messages between the two
// alone. What somebody requests spreads with the messages, so it happens to all with the exchange
// by which all have heard of it.
class Gossip final : public WithGroup {
 public:
  Gossip(const StrategyOptions& strategy, std::uint64_t seed, const ModelValues& model)
      : WithGroup(model), neighbours_(strategy.neighbours), seed_(seed) {}

  void enter(Communicator* group, std::int64_t lanes) override {
    WithGroup::enter(group, lanes);
    last_ = {never, never};
  }

  Request exchange(std::int64_t number, std::span<float> values, Request request) override {
    if (group_ == nullptr) return request;
    const int me = group_->rank();
    if (request != Request::none && last_of(request) == never)
      last_of(request) = gossip_spread(neighbours_, seed_, number, me, group_->size());
    const int peer = gossip_partner(neighbours_, seed_, number, me, group_->size());
    if (peer >= 0) average_with(peer, values);
    if (number >= last_of(Request::stop)) return Request::stop;
    return number >= last_of(Request::change_members) ? Request::change_members : Request::none;
  }

  void combine(std::span<const float> values, std::span<float> model) override {
    std::copy(values.begin(), values.end(), model.begin());
    add_up(model);
    if (group_ == nullptr) return;
    for (float& value : model) value *= 1.0F / static_cast<float>(workers());
  }

  State common() const override { return {}; }

  // Pairs meet, and what one missed the others have not either.
  bool may_be_missed() const override { return true; }

 private:
  static constexpr int gossip_tag = 4;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  std::int64_t& last_of(Request request) {
    return last_[request == Request::change_members ? 0 : 1];
  }

  void average_with(int peer, std::span<float> values) {
    std::vector<float> theirs(values.size());
    std::array<std::int64_t, 2> their_last{never, never};
    Work in = group_->irecv(
        peer, gossip_tag,
        {std::as_writable_bytes(std::span(their_last)), std::as_writable_bytes(std::span(theirs))});
    group_->isend(peer, gossip_tag, {std::as_bytes(std::span(last_)), std::as_bytes(values)})
        .wait();
    in.wait();
    for (std::size_t i = 0; i < last_.size(); ++i) last_[i] = std::min(last_[i], their_last[i]);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = (values[i] + theirs[i]) * 0.5F;
  }

  std::string neighbours_;
  std::uint64_t seed_;
  // The exchange with which members change, and that with which all end, as far as this worker has
  // heard.
  std::array<std::int64_t, 2> last_{never, never};
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

namespace {

bool compresses_changes(const StrategyOptions& options) {
  return options.compression.kind != "none";
}

// What kinds with steps of each worker's own have in common. `exchange`: makes one of options, seed
// and model.
template <class Exchange>
StrategyKind local_kind(StrategyFacts facts, Exchange exchange) {
  StrategyKind kind{std::move(facts)};
  kind.identity = [name = kind.name](const StrategyOptions& options, int workers) {
    nlohmann::ordered_json identity = compression_identity(options.compression);
    identity["strategy.kind"] = name;
    identity["strategy.average_every"] = options.average_every;
    if (workers > 0) identity["the number of workers"] = workers;
    return identity;
  };
  kind.make = [exchange, traits = kind.traits](const StrategySetup& setup) {
    const StrategyOptions options = setup.options;
    const std::uint64_t seed = derive_seed(setup.engine.seed, RandomPurpose::exchange);
    return make_local_steps(setup, traits(options),
                            [=](const ModelValues& model) -> std::unique_ptr<ModelExchange> {
                              return exchange(options, seed, model);
                            });
  };
  return kind;
}

// Adds keys of the kind's own to what decides its bits.
void identify(StrategyKind& kind,
              std::function<void(const StrategyOptions&, nlohmann::ordered_json&)> add) {
  kind.identity = [before = kind.identity, add](const StrategyOptions& options, int workers) {
    nlohmann::ordered_json identity = before(options, workers);
    add(options, identity);
    return identity;
  };
}

constexpr const char* own_in_between =
    "workers have the same weights after every exchange, and their own in between";
constexpr const char* since_exchange =
    "what the lost worker did since its last exchange; with a fixed number of workers the job "
    "stops, and goes on from its checkpoint with as many";
constexpr const char* same_bits =
    "the same bits for any replicas, in every run with as many workers and when resumed; other "
    "bits when workers come and go";

}  // namespace

StrategyKind local_sgd_kind() {
  StrategyKind kind =
      local_kind(local_sgd_facts(),
                 [](const StrategyOptions& options, std::uint64_t seed, const ModelValues& model) {
                   return std::make_unique<LocalSgd>(options, seed, model);
                 });
  kind.guarantees = {
      {"`local_sgd`", own_in_between, since_exchange, same_bits, "2 (W - 1) / W M / H",
       [](const StrategyOptions& options) { return !compresses_changes(options); }},
      {"`local_sgd` with `compression`", own_in_between, since_exchange, same_bits,
       "the compressed part of 2 (W - 1) / W M / H", compresses_changes}};
  identify(kind, [](const StrategyOptions& options, nlohmann::ordered_json& identity) {
    identity["strategy.outer.rate"] = options.outer.rate;
    identity["strategy.outer.momentum"] = options.outer.momentum;
    identity["strategy.outer.nesterov"] = options.outer.nesterov;
  });
  return kind;
}

StrategyKind elastic_averaging_kind() {
  StrategyKind kind =
      local_kind(elastic_averaging_facts(),
                 [](const StrategyOptions& options, std::uint64_t, const ModelValues& model) {
                   return std::make_unique<ElasticAveraging>(options, model);
                 });
  kind.guarantees = {{"`elastic_averaging`",
                      "workers have weights of their own, pulled to a common centre at every "
                      "exchange",
                      since_exchange, same_bits, "2 (W - 1) / W M / H",
                      [](const StrategyOptions&) { return true; }}};
  identify(kind, [](const StrategyOptions& options, nlohmann::ordered_json& identity) {
    identity["strategy.elasticity"] = options.elasticity;
  });
  return kind;
}

StrategyKind gossip_kind() {
  StrategyKind kind = local_kind(gossip_facts(), [](const StrategyOptions& options,
                                                    std::uint64_t seed, const ModelValues& model) {
    return std::make_unique<Gossip>(options, seed, model);
  });
  kind.guarantees = {{"`gossip`",
                      "workers have weights of their own; at an exchange pairs come to have the "
                      "same",
                      since_exchange, same_bits, "M / H, to one neighbour",
                      [](const StrategyOptions&) { return true; }}};
  identify(kind, [](const StrategyOptions& options, nlohmann::ordered_json& identity) {
    identity["strategy.neighbours"] = options.neighbours;
  });
  return kind;
}

}  // namespace convoy
