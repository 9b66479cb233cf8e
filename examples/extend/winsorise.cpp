// A preprocessing step that learns from the training split: winsorising (Dixon 1960, "Simplified
// Estimation from Censored Normal Samples"): the smallest and the largest values of each column
// become the nearest one that is left.
#include <algorithm>
#include <cmath>
#include <convoy/data/preprocess/elementwise.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("winsorise", "1.0")

namespace {

namespace schema = convoy::schema;
using convoy::NumberCount;

struct WinsoriseOptions {
  double part = 0.05;
  std::vector<std::string> columns;
  std::string per = "feature";
  double error = 0;
};

void describe(schema::Visitor& v, WinsoriseOptions& o) {
  v.key("part", o.part, schema::Rule{.low = 0, .high = 0.5, .high_excluded = true},
        "of the values, that changes at either end");
  convoy::describe_columns(v, o.columns);
  convoy::describe_per(v, o.per);
  convoy::describe_error(v, o.error);
}

/// The number at a position when counted from one end.
template <typename Iterator>
double number_at(Iterator from, std::int64_t position) {
  while (position >= from->times) position -= (from++)->times;
  return from->number;
}

class Winsorise final : public convoy::Elementwise {
 public:
  Winsorise(std::vector<double> low, std::vector<double> high)
      : low_(std::move(low)), high_(std::move(high)) {}
  void save(nlohmann::ordered_json& record) const override {
    record["low"] = low_;
    record["high"] = high_;
  }
  std::size_t entries() const override { return low_.size(); }
  void apply(std::size_t first, std::size_t groups, std::span<double> numbers) const override {
    convoy::for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
      for (double& x : group) x = std::isnan(x) ? x : std::clamp(x, low_[entry], high_[entry]);
    });
  }

 private:
  std::vector<double> low_, high_;
};

std::unique_ptr<convoy::Elementwise> fit_winsorise(const schema::AnyOptions& options,
                                                   const convoy::Learnt& learnt) {
  const double part = options.as<WinsoriseOptions>().part;
  std::vector<double> low, high;
  for (const std::vector<NumberCount>& counts : learnt.counts) {
    std::int64_t total = 0;
    for (const NumberCount& count : counts) total += count.times;
    const auto changed = static_cast<std::int64_t>(part * static_cast<double>(total));
    low.push_back(number_at(counts.begin(), changed));
    high.push_back(number_at(counts.rbegin(), changed));
  }
  return std::make_unique<Winsorise>(std::move(low), std::move(high));
}

std::unique_ptr<convoy::Elementwise> load_winsorise(const nlohmann::ordered_json& record) {
  auto low = record.at("low").get<std::vector<double>>();
  auto high = record.at("high").get<std::vector<double>>();
  if (low.size() != high.size()) return nullptr;
  for (std::size_t i = 0; i < low.size(); ++i) {
    if (!(low[i] <= high[i])) return nullptr;
  }
  return std::make_unique<Winsorise>(std::move(low), std::move(high));
}

convoy::Grouping grouping(const schema::AnyOptions& options) {
  const auto o = options.as<WinsoriseOptions>();
  return {.per = o.per, .error = o.error};
}

const schema::Registered winsorise(
    convoy::preprocess_steps(),
    convoy::elementwise_step({.name = "winsorise",
                              .doc = "moves the smallest and largest values to the nearest left",
                              .bare = "part",
                              .options = WinsoriseOptions{}},
                             {.learns = convoy::Learns::counts,
                              .fit = fit_winsorise,
                              .load = load_winsorise,
                              .grouping = grouping}));

}  // namespace
