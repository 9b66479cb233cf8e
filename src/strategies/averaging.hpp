#pragma once
// What the strategies have in common whose workers take steps of their own and exchange models
// (local_sgd, elastic_averaging, gossip): one ModelExchange each.
#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "convoy/comm/communicator.hpp"
#include "convoy/compute/compute.hpp"
#include "convoy/strategies/model_exchange.hpp"
#include "convoy/strategies/registry.hpp"

namespace convoy {

/// into += factor * from
void add_times(std::span<Element> into, std::span<const Element> from, Element factor);

/// An exchange by a group's collectives. Workers from rank `lanes` on contribute nothing.
class WithGroup : public ModelExchange {
 public:
  void enter(Communicator* group, std::int64_t lanes) override {
    group_ = group;
    contributors_ = static_cast<int>(std::min<std::int64_t>(lanes, workers()));
    contributes_ = group == nullptr || group->rank() < lanes;
  }

 protected:
  explicit WithGroup(const InitialModel& model)
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

/// Makes an exchange, of options, seed and model.
using MakeExchange = std::function<std::unique_ptr<ModelExchange>(
    const StrategyOptions&, std::uint64_t seed, const InitialModel&)>;
/// How many steps there are between two exchanges.
using StepsBetween = std::function<std::int64_t(const schema::AnyOptions&)>;

/// A kind of that sort, with what decides its bits.
StrategyKind averaging_kind(schema::Registration registration, const StepsBetween& every,
                            const MakeExchange& make);

/// The same, of options with a member `average_every`, with which the class `Exchange` is made.
template <class Exchange, class Options>
StrategyKind averaging_kind(schema::Registration registration) {
  registration.options = Options{};
  return averaging_kind(
      std::move(registration),
      [](const schema::AnyOptions& own) { return own.as<Options>().average_every; },
      [](const StrategyOptions& options, std::uint64_t seed, const InitialModel& model) {
        return std::make_unique<Exchange>(options, seed, model);
      });
}

/// Of kinds whose workers send each other whole models: that nothing is to be compressed.
std::optional<StrategyProblem> nothing_to_compress(const StrategyOptions& options);

/// Guarantees that all such kinds have.
inline constexpr const char* own_in_between =
    "workers have the same weights after every exchange, and their own in between";
inline constexpr const char* since_exchange =
    "what the lost worker did since its last exchange; with a fixed number of workers the job "
    "stops, and goes on from its checkpoint with as many";
inline constexpr const char* same_bits =
    "the same bits for any replicas, in every run with as many workers and when resumed; other "
    "bits when workers come and go";

}  // namespace convoy
