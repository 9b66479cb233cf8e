// Local SGD (Stich 2019); with momentum outside, DiLoCo (Douillard et al. 2023).
#include <algorithm>

#include "comm/compression/group_sum.hpp"
#include "compute/host_tensor.hpp"
#include "compute/kernels.hpp"
#include "strategies/averaging.hpp"

namespace convoy {

void describe(schema::Visitor& v, OuterOptions& o) {
  v.key("rate", o.rate, schema::above(0), "1, without momentum: the plain mean");
  v.key("momentum", o.momentum, schema::between(0, 1), "0.9 with Nesterov and rate 0.7: as DiLoCo");
  v.key("nesterov", o.nesterov, schema::any(), "look ahead by the momentum");
}

void describe(schema::Visitor& v, LocalSgdOptions& o) {
  v.key("average_every", o.average_every, schema::at_least(1),
        "steps that each worker takes alone between exchanges");
  v.section("outer", o.outer, "rate", "the optimizer that applies the workers' mean change");
}

namespace {

// The mean of the workers' changes since the last exchange is the outer optimizer's gradient.
// Running statistics become their mean.
class LocalSgd final : public WithGroup {
 public:
  LocalSgd(const StrategyOptions& strategy, std::uint64_t seed, const InitialModel& model)
      : WithGroup(model),
        outer_options_(strategy.own.as<LocalSgdOptions>().outer),
        compression_(strategy.compression),
        seed_(seed),
        matrices_(model.matrices),
        outer_(model.values.clone()) {
    if (!plain()) velocity_ = host_zeros({static_cast<std::int64_t>(parameters_)});
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
    const std::span<Element> outer = values_of(outer_);
    if (group_ == nullptr && plain()) {
      std::copy(values.begin(), values.end(), outer.begin());
      return agreed;
    }
    std::vector<float> change = change_of(values);
    if (changes_) changes_->add_up(number, std::span(change).first(parameters_));
    add_up(std::span(change).subspan(parameters_));
    if (plain()) {
      add_times(outer, change, share());
    } else {
      const auto parameters = static_cast<std::int64_t>(parameters_);
      scale(change.data(), share(), parameters);
      momentum_step(outer.data(), change.data(), values_of(velocity_).data(),
                    static_cast<Element>(outer_options_.rate),
                    static_cast<Element>(outer_options_.momentum), outer_options_.nesterov,
                    parameters);
      add_times(outer.subspan(parameters_), std::span(change).subspan(parameters_), share());
    }
    if (changes_) changes_->commit();
    std::copy(outer.begin(), outer.end(), values.begin());
    return agreed;
  }

  void combine(std::span<const float> values, std::span<float> model) override {
    if (group_ == nullptr) {
      std::copy(values.begin(), values.end(), model.begin());
      return;
    }
    std::vector<float> change = change_of(values);
    add_up(change);
    const std::span<const Element> outer = values_of(outer_);
    std::copy(outer.begin(), outer.end(), model.begin());
    add_times(model, change, share());
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
    if (contributes_) {
      subtract_to(change.data(), values.data(), values_of(outer_).data(),
                  static_cast<std::int64_t>(size_));
    }
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

bool compresses_changes(const StrategyOptions& options) {
  return is_compressed(options.compression);
}

std::optional<schema::Problem> outer_problem(const schema::AnyOptions& options) {
  const OuterOptions outer = options.as<LocalSgdOptions>().outer;
  if (!outer.nesterov || outer.momentum != 0) return std::nullopt;
  return schema::Problem{"outer.nesterov",
                         "needs momentum; set strategy.outer.momentum, such as 0.9"};
}

StrategyKind local_sgd_kind() {
  StrategyKind kind = averaging_kind<LocalSgd, LocalSgdOptions>(
      {.name = "local_sgd",
       .doc = "workers take steps of their own, and the mean of their changes is applied now and "
              "then",
       .problem = outer_problem});
  kind.rows = {{"`local_sgd`", own_in_between, since_exchange, same_bits, "2 (W - 1) / W M / H",
                [](const StrategyOptions& options) { return !compresses_changes(options); }},
               {"`local_sgd` with `compression`", own_in_between, since_exchange, same_bits,
                "the compressed part of 2 (W - 1) / W M / H", compresses_changes}};
  return kind;
}

const schema::Registered local_sgd(strategies(), local_sgd_kind());

}  // namespace
}  // namespace convoy
