// A strategy: DiLoCo (Douillard et al. 2023, algorithm 1). Each worker takes
// `strategy.average_every` steps with the job's optimizer (the paper's is AdamW); then the mean of
// the workers' changes is the gradient of an outer step with Nesterov momentum.
#include <ATen/ATen.h>

#include <algorithm>
#include <convoy/comm/communicator.hpp>
#include <convoy/plugin.hpp>
#include <convoy/strategies/model_exchange.hpp>
#include <convoy/strategies/registry.hpp>

CONVOY_PLUGIN("diloco", "1.0")

namespace {

namespace schema = convoy::schema;

struct DilocoOuter {
  double rate = 0.7;
  double momentum = 0.9;
};
void describe(schema::Visitor& v, DilocoOuter& o) {
  v.key("rate", o.rate, schema::above(0), "of the outer step");
  v.key("momentum", o.momentum, schema::part(), "Nesterov's, of the outer step");
}

struct DilocoOptions {
  std::int64_t average_every = 16;
  DilocoOuter outer;
};
void describe(schema::Visitor& v, DilocoOptions& o) {
  v.key("average_every", o.average_every, schema::at_least(1),
        "steps that each worker takes alone between exchanges");
  v.section("outer", o.outer, "rate", "the optimizer that applies the workers' mean change");
}

class DilocoExchange final : public convoy::ModelExchange {
 public:
  DilocoExchange(const DilocoOuter& outer, const convoy::InitialModel& model)
      : options_(outer),
        parameters_(static_cast<std::int64_t>(model.parameters)),
        outer_(model.values.clone()),
        momentum_(torch::zeros({parameters_})) {}

  // Workers beyond the lanes take no steps: they add nothing, and do not count in the mean.
  void enter(convoy::Communicator* group, std::int64_t lanes) override {
    group_ = group;
    const int workers = group == nullptr ? 1 : group->size();
    contributors_ = static_cast<double>(std::min<std::int64_t>(lanes, workers));
    contributes_ = group == nullptr || group->rank() < lanes;
  }

  // All that communicates comes first: where it throws, nothing has changed.
  convoy::Request exchange(std::int64_t, std::span<float> values,
                           convoy::Request request) override {
    auto greatest = static_cast<std::int64_t>(request);
    if (group_ != nullptr) group_->all_reduce(std::span(&greatest, 1), convoy::ReduceOp::max);
    const torch::Tensor change = mean_change(values);
    const torch::Tensor gradient = change.narrow(0, 0, parameters_);
    momentum_.mul_(options_.momentum).add_(gradient);
    torch::Tensor weights = outer_.narrow(0, 0, parameters_);
    weights.add_(gradient + options_.momentum * momentum_, options_.rate);
    const std::int64_t others = outer_.numel() - parameters_;  // running statistics: their mean
    outer_.narrow(0, parameters_, others).add_(change.narrow(0, parameters_, others));
    std::copy_n(outer_.data_ptr<float>(), values.size(), values.begin());
    return static_cast<convoy::Request>(greatest);
  }

  // Between exchanges the model is the mean of the workers'.
  void combine(std::span<const float> values, std::span<float> model) override {
    const torch::Tensor mean = outer_ + mean_change(values);
    std::copy_n(mean.data_ptr<float>(), model.size(), model.begin());
  }

  State common() const override { return {{"outer", outer_}, {"outer_momentum", momentum_}}; }

 private:
  torch::Tensor mean_change(std::span<const float> values) const {
    torch::Tensor change = torch::zeros_like(outer_);
    if (contributes_) {
      change = torch::from_blob(const_cast<float*>(values.data()), outer_.sizes()).sub(outer_);
    }
    const std::span<float> flat(change.data_ptr<float>(), values.size());
    if (group_ != nullptr) group_->all_reduce(flat);
    return change.div_(contributors_);
  }

  DilocoOuter options_;
  std::int64_t parameters_;
  torch::Tensor outer_;     // the model after the last exchange
  torch::Tensor momentum_;  // of its parameters
  convoy::Communicator* group_ = nullptr;
  double contributors_ = 1;
  bool contributes_ = true;
};

constexpr convoy::StrategyTraits diloco_traits{.elastic = true, .own_steps = true};

convoy::StrategyKind diloco_kind() {
  convoy::StrategyKind kind{
      {.name = "diloco",
       .doc = "workers take steps of their own; an outer optimizer applies their mean change",
       .options = DilocoOptions{},
       .guarantees = {.same_bits = false, .elastic = true, .servers = false, .columns = false}}};
  kind.traits = [](const convoy::StrategyOptions&) { return diloco_traits; };
  kind.rows = {{"`diloco`",
                "workers have the same weights after every exchange, and their own in between",
                "what the lost worker did since its last exchange",
                "the same bits in every run with as many workers", "2 (W - 1) / W M / H", nullptr}};
  kind.conflict =
      [](const convoy::StrategyOptions& options) -> std::optional<convoy::StrategyProblem> {
    if (!convoy::is_compressed(options.compression)) return std::nullopt;
    return convoy::StrategyProblem{"strategy.compression.kind",
                                   "diloco sends changes as they are; remove compression, or use "
                                   "local_sgd",
                                   {"strategy.compression", "strategy.kind"}};
  };
  kind.identity = [](const convoy::StrategyOptions& options, int workers) {
    nlohmann::ordered_json identity = convoy::own_identity(options);
    identity["strategy.kind"] = options.kind;
    identity["the number of workers"] = workers;
    return identity;
  };
  kind.make = [](const convoy::StrategySetup& setup) {
    const auto own = convoy::options_of(setup).own.as<DilocoOptions>();
    return convoy::make_local_steps(setup, diloco_traits, own.average_every,
                                    [outer = own.outer](const convoy::InitialModel& model) {
                                      return std::make_unique<DilocoExchange>(outer, model);
                                    });
  };
  return kind;
}

const schema::Registered diloco(convoy::strategies(), diloco_kind());

}  // namespace
