#include "convoy/data/preprocess/elementwise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "convoy/core/error.hpp"
#include "convoy/data/peers/segments.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/peers/agree.hpp"

namespace convoy {
namespace {

/// The kind with its name: steps outlive what they were registered from.
struct NamedKind : ElementwiseKind {
  std::string name;

  /// Where the first number is that it does not take.
  std::optional<std::size_t> find_outside(std::span<const double> numbers) const {
    if (!above) return std::nullopt;
    const auto found =
        std::find_if(numbers.begin(), numbers.end(), [&](double x) { return x <= *above; });
    if (found == numbers.end()) return std::nullopt;
    return static_cast<std::size_t>(found - numbers.begin());
  }
  /// "-3; log takes numbers above -1; yeo_johnson takes any".
  std::string outside_text(double number) const {
    return fmt::format("{}; {} takes numbers above {}{}", number, name, above.value_or(0), instead);
  }
};
using KindPointer = std::shared_ptr<const NamedKind>;

void require_inside(const NamedKind& kind, const Column& column, const Frame& frame) {
  const std::optional<std::size_t> row = kind.find_outside(column.numbers);
  if (!row) return;
  throw DataError(steps::place_of(frame, *row),
                  fmt::format("column {} is {}", in_quotes(column.name),
                              kind.outside_text(column.numbers[*row])));
}

class ElementwiseStep final : public FittedStep {
 public:
  ElementwiseStep(KindPointer of_kind, std::vector<std::string> columns,
                  std::unique_ptr<Elementwise> made)
      : FittedStep(of_kind->name, std::move(columns)),
        kind_(std::move(of_kind)),
        made_(std::move(made)) {}

  void save(nlohmann::ordered_json& record) const override { made_->save(record); }

  void apply(Frame& frame) const override {
    for (std::size_t i = 0; i < columns().size(); ++i) {
      Column& column = require_column(frame, kind(), columns()[i]);
      steps::require_numbers(kind(), column, frame);
      require_inside(*kind_, column, frame);
      made_->apply(i, 1, column.numbers);
    }
  }

  std::optional<std::vector<std::int64_t>> shape_after(
      const std::vector<std::int64_t>& shape) const override {
    std::size_t elements = 1;
    for (const std::int64_t size : shape) elements *= static_cast<std::size_t>(size);
    if (elements % groups() != 0) return std::nullopt;
    return shape;
  }

  std::optional<Refusal> apply_to_sample(std::span<double>& sample) const override {
    if (const auto at = kind_->find_outside(sample))
      return Refusal{*at, kind_->outside_text(sample[*at])};
    made_->apply(0, groups(), sample);
    return std::nullopt;
  }

  bool uniform() const override { return groups() == 1; }
  bool by_element() const override { return kind_->learns != Learns::nothing; }

 private:
  std::size_t groups() const { return std::max<std::size_t>(1, made_->entries()); }

  KindPointer kind_;
  std::unique_ptr<Elementwise> made_;
};

Grouping grouping_of(const NamedKind& kind, const schema::AnyOptions& options) {
  return kind.grouping ? kind.grouping(options) : Grouping{};
}

std::vector<std::vector<NumberCount>> counts_of(const std::vector<std::string>& names,
                                                TrainingRows& rows, bool together, double error,
                                                Peers* peers) {
  const auto feed = [&](Range positions, NumberCounter& counter) {
    steps::read_numbers(names, rows, positions, false,
                        [&](std::size_t column, std::span<const double> numbers) {
                          counter.add(together ? 0 : column, numbers);
                        });
  };
  return count_numbers(rows.size(), together ? 1 : names.size(), feed, peers, error);
}

/// What each column (or all together) was summed up as, once for each column.
template <typename T, typename IsEmpty>
std::vector<T> one_each(std::vector<T> groups, const std::vector<std::string>& names,
                        const std::string& kind, bool together, const IsEmpty& is_empty) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_empty(groups[together ? 0 : i])) steps::fail_without_value(kind, names[i]);
  }
  if (together) groups.resize(names.size(), T(groups[0]));
  return groups;
}

std::unique_ptr<FittedStep> fit_columns(const KindPointer& kind, const schema::AnyOptions& options,
                                        TrainingRows& rows, Peers* peers) {
  const std::string& name = kind->name;
  std::vector<std::string> names =
      steps::columns_of(name, chosen_columns(options), rows.head(), steps::Holds::numbers);
  const Grouping grouping = grouping_of(*kind, options);
  if (grouping.per != "feature" && grouping.per != "all") {
    fail_step(name,
              fmt::format("per: {} is for images; tables have feature and all", grouping.per));
  }
  const bool together = grouping.per == "all";
  if (kind->above) {  // every worker reads all rows, so that all say the same
    rows.read({0, rows.size()}, [&](const Frame& frame, Range) {
      for (const std::string& column : names)
        require_inside(*kind, *find_column(frame.features, column), frame);
    });
  }
  Learnt learnt{.groups = names.size(), .rows = rows.size()};
  std::vector<std::vector<NumberCount>> counts;
  std::vector<Statistics> statistics;
  if (kind->learns == Learns::counts) {
    counts = one_each(counts_of(names, rows, together, grouping.error, peers), names, name,
                      together, [](const auto& group) { return group.empty(); });
    learnt.counts = counts;
  } else if (kind->learns != Learns::nothing) {
    const bool squares = kind->learns == Learns::squares;
    statistics = one_each(steps::column_statistics(names, rows, together, squares, peers), names,
                          name, together, [](const Statistics& group) { return group.count == 0; });
    learnt.statistics = statistics;
  }
  return std::make_unique<ElementwiseStep>(kind, std::move(names), kind->fit(options, learnt));
}

/// Each worker looks at its own samples; all fail alike.
void require_inside(const NamedKind& kind, const TrainingSamples& samples, Peers* peers) {
  if (!kind.above) return;
  agree(peers, [&] {
    const Range own = own_positions(samples.size(), peers);
    std::int64_t position = own.begin;
    samples.read(own, [&](std::span<const double> sample) {
      if (const auto at = kind.find_outside(sample)) {
        throw DataError(samples.place_of(position),
                        fmt::format("element {} is {}", *at, kind.outside_text(sample[*at])));
      }
      ++position;
    });
  });
}

std::unique_ptr<FittedStep> fit_elements(const KindPointer& kind, const schema::AnyOptions& options,
                                         const TrainingSamples& samples, Peers* peers) {
  require_inside(*kind, samples, peers);
  const Grouping grouping = grouping_of(*kind, options);
  const std::size_t groups = kind->learns == Learns::nothing || grouping.per == "all" ? 1
                             : grouping.per == "channel"
                                 ? static_cast<std::size_t>(samples.shape().at(0))
                                 : samples.elements();
  // Groups of elements in a row, each with its own statistic.
  const auto feed = [&](Range positions, auto& sink) {
    samples.read(positions, [&](std::span<const double> sample) {
      const std::size_t size = sample.size() / groups;
      for (std::size_t g = 0; g < groups; ++g) sink.add(g, sample.subspan(g * size, size));
    });
  };
  Learnt learnt{.groups = groups, .rows = samples.size()};
  std::vector<std::vector<NumberCount>> counts;
  std::vector<Statistics> statistics;
  if (kind->learns == Learns::counts) {
    counts = count_numbers(samples.size(), groups, feed, peers, grouping.error);
    learnt.counts = counts;
  } else if (kind->learns != Learns::nothing) {
    const bool squares = kind->learns == Learns::squares;
    statistics = fit_statistics(samples.size(), groups, squares, feed, peers);
    learnt.statistics = statistics;
  }
  return std::make_unique<ElementwiseStep>(kind, std::vector<std::string>(),
                                           kind->fit(options, learnt));
}

std::unique_ptr<FittedStep> load_elementwise(const KindPointer& kind,
                                             const nlohmann::ordered_json& record) {
  std::vector<std::string> columns = recorded_columns(record);
  std::unique_ptr<Elementwise> made = kind->load(record);
  if (made == nullptr) return nullptr;
  const std::size_t entries = made->entries();
  if (entries > 0 && !columns.empty() && entries != columns.size()) return nullptr;
  return std::make_unique<ElementwiseStep>(kind, std::move(columns), std::move(made));
}

std::string grouping_by_column(const NamedKind& kind, const schema::AnyOptions& options,
                               std::span<const std::int64_t> sample_shape) {
  if (kind.learns == Learns::nothing) return "";
  const Grouping grouping = grouping_of(kind, options);
  if (grouping.per == "all") return "with per: all is of all columns together";
  if (grouping.per == "channel" && sample_shape.size() > 1)
    return "with per: channel is of several columns together";
  return "";
}

}  // namespace

StepKind elementwise_step(schema::Registration registration, ElementwiseKind kind) {
  const auto shared =
      std::make_shared<const NamedKind>(NamedKind{std::move(kind), registration.name});
  StepKind step{std::move(registration)};
  step.fit = [shared](const schema::AnyOptions& options, TrainingRows& rows, Peers* peers) {
    return fit_columns(shared, options, rows, peers);
  };
  step.load = [shared](const nlohmann::ordered_json& record) {
    return load_elementwise(shared, record);
  };
  step.fit_samples = [shared](const schema::AnyOptions& options, const TrainingSamples& samples,
                              Peers* peers) {
    return fit_elements(shared, options, samples, peers);
  };
  step.problem_by_column = [shared](const schema::AnyOptions& options,
                                    std::span<const std::int64_t> sample_shape) {
    return grouping_by_column(*shared, options, sample_shape);
  };
  if (shared->learns == Learns::counts) {
    step.needs_all_values = [shared](const schema::AnyOptions& options, Frame&) {
      return !(grouping_of(*shared, options).error > 0);
    };
  }
  return step;
}

}  // namespace convoy
