#pragma once
// Steps that change each number by itself, of arrays and tables alike. Numbers come in groups that
// are treated alike: the columns of a table, or the elements or channels of a sample, or all of
// them as one. One file adds such a step:
//
//   class Halved final : public Elementwise {
//    public:
//     void save(nlohmann::ordered_json&) const override {}
//     void apply(std::size_t, std::size_t, std::span<double> numbers) const override {
//       for (double& x : numbers) x /= 2;
//     }
//   };
//   const schema::Registered halve(
//       preprocess_steps(),
//       elementwise_step({.name = "halve", .doc = "...", .options = ColumnOptions{}},
//                        {.fit = [](const auto&, const Learnt&) { return
//                         std::make_unique<Halved>(); },
//                         .load = [](const auto&) { return std::make_unique<Halved>(); }}));
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "convoy/data/preprocess/column_counts.hpp"
#include "convoy/data/preprocess/statistics.hpp"
#include "convoy/data/preprocess/step.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// What such a step does. Immutable; thread-safe.
class Elementwise {
 public:
  virtual ~Elementwise() = default;

  /// Adds to the record. Lists have an entry for each group.
  virtual void save(nlohmann::ordered_json& record) const = 0;
  /// How many groups it was fitted to; 0: it treats all numbers alike.
  virtual std::size_t entries() const { return 0; }
  /// In place, to groups of equal size that follow one another, `first` being the entry of the
  /// first of them. NaN (missing) stays NaN.
  virtual void apply(std::size_t first, std::size_t groups, std::span<double> numbers) const = 0;
};

/// What must be known of each group's training values.
enum class Learns {
  nothing,
  statistics,  ///< count, sum, smallest and largest
  squares,     ///< and of differences from the mean, which takes a second pass
  counts       ///< how often each different number is there
};

/// What is known.
struct Learnt {
  std::size_t groups = 0;
  std::int64_t rows = 0;                        ///< of the training split
  std::span<const Statistics> statistics = {};  ///< an entry a group, or empty
  std::span<const std::vector<NumberCount>> counts =
      {};  ///< an entry a group, none of which is empty
};

/// Options that say what is learnt of what.
struct Grouping {
  std::string per = "feature";  ///< feature | all | channel
  double error = 0;             ///< of counts
};

struct ElementwiseKind {
  Learns learns = Learns::nothing;
  std::optional<double> above = std::nullopt;  ///< it takes numbers above this only
  std::string instead = {};                    ///< where so: "; yeo_johnson takes any"
  /// Throws InputError for options that cannot work (fail_step).
  std::function<std::unique_ptr<Elementwise>(const schema::AnyOptions&, const Learnt&)> fit =
      nullptr;
  /// Throws, or returns null, for a damaged record.
  std::function<std::unique_ptr<Elementwise>(const nlohmann::ordered_json& record)> load = nullptr;
  /// Null: the step has no such options.
  std::function<Grouping(const schema::AnyOptions&)> grouping = nullptr;
};

/// `registration` with options that may have a key `columns`.
StepKind elementwise_step(schema::Registration registration, ElementwiseKind kind);

/// Calls `f(entry, numbers of its group)` for each group.
template <typename F>
void for_groups(std::size_t first, std::size_t groups, std::span<double> numbers, const F& f) {
  const std::size_t size = groups == 0 ? 0 : numbers.size() / groups;
  for (std::size_t g = 0; g < groups; ++g) f(first + g, numbers.subspan(g * size, size));
}

}  // namespace convoy

#pragma GCC visibility pop
