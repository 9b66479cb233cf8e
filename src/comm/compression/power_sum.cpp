// power_sgd: sums by PowerSGD (Vogels, Karimireddy, Jaggi 2019).
#include "comm/compression/group_sum.hpp"
#include "convoy/comm/compressions.hpp"
#include "core/split_mix.hpp"

namespace convoy {

void describe(schema::Visitor& v, PowerSgdOptions& o) {
  v.key("rank", o.rank, schema::between(1, 1024), "of the factors of each matrix");
}

namespace {

class PowerSum final : public GroupSum {
 public:
  explicit PowerSum(const SumRequest& request)
      : power_(request.count, request.matrices, request.options, mixed(request.seed)) {}

  void commit() override { power_.commit(); }

  std::vector<std::pair<std::string, torch::Tensor>> state() const override {
    std::vector<std::pair<std::string, torch::Tensor>> named;
    for (const torch::Tensor& tensor : power_.state())
      named.emplace_back("power_sgd" + std::to_string(named.size()), tensor);
    return named;
  }

 private:
  void entered() override { power_.forget_factors(); }

  void sum(std::int64_t, std::span<float> values) override {
    auto clock = Clock::now();
    const std::span<float> left = power_.project(values);
    count_coding(clock);
    group().all_reduce(left);
    clock = Clock::now();
    const std::span<float> right = power_.project_back();
    count_coding(clock);
    group().all_reduce(right);
    clock = Clock::now();
    power_.restore(values);
    count_coding(clock);
  }

  PowerSgd power_;
};

const schema::Registered power_sgd_registered(
    compressions(),
    CompressionKind{{.name = "power_sgd",
                     .doc = "two thin factors of each matrix",
                     .options = PowerSgdOptions{}},
                    nullptr,
                    [](const SumRequest& request) { return std::make_unique<PowerSum>(request); }});

}  // namespace
}  // namespace convoy
