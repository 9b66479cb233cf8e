// log(1 + x).
#include <cmath>
#include <limits>

#include "convoy/data/preprocess/elementwise.hpp"

namespace convoy {
namespace {

class LogMap final : public Elementwise {
 public:
  void save(nlohmann::ordered_json&) const override {}
  void apply(std::size_t, std::size_t, std::span<double> numbers) const override {
    for (double& x : numbers) x = x > -1 ? std::log1p(x) : std::numeric_limits<double>::quiet_NaN();
  }
};

const schema::Registered log_step(
    preprocess_steps(),
    elementwise_step(
        {.name = "log",
         .doc = "log(1 + x), for x above -1",
         .bare = "columns",
         .options = ColumnOptions{}},
        {.above = -1,
         .instead = "; yeo_johnson takes any",
         .fit = [](const schema::AnyOptions&, const Learnt&) { return std::make_unique<LogMap>(); },
         .load = [](const nlohmann::ordered_json&) { return std::make_unique<LogMap>(); }}));

}  // namespace
}  // namespace convoy
