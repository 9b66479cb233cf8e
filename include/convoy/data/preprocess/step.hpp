#pragma once
// A preprocessing step: what it learns from the training split, and what it does to samples. One
// file adds one, in Convoy, in a program or in a plugin:
//
//   - A step that changes each number by itself, of tables and arrays alike: an ElementwiseKind
//     (convoy/data/preprocess/elementwise.hpp), which says what is to be learnt and what is done
//     with it. The rest is there.
//   - Any other: a class derived from FittedStep, and a StepKind with `fit` and `load`.
//     convoy/data/preprocess/columns.hpp has what such steps need of columns, column_counts.hpp and
//     statistics.hpp what is learnt of the values of several workers' rows together.
//
//   const schema::Registered shout(preprocess_steps(),
//                                  StepKind{{.name = "shout", .doc = "...",
//                                            .options = ColumnOptions{}}, fit_shout, load_shout});
//
// No libtorch in this header.
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "convoy/data/preprocess/training_rows.hpp"
#include "convoy/data/preprocess_options.hpp"
#include "convoy/lanes/lane.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// A number of a sample that a step cannot take.
struct Refusal {
  std::size_t element = 0;
  std::string problem;  ///< "-3; log takes numbers above -1"
};

/// A step after fitting: what it learnt, and what it does. Immutable; thread-safe. It goes with the
/// model as a record, {"kind", "columns", what `save` adds}.
class FittedStep {
 public:
  /// `columns`: of tables, by name; empty for arrays.
  FittedStep(std::string kind, std::vector<std::string> columns)
      : kind_(std::move(kind)), columns_(std::move(columns)) {}
  virtual ~FittedStep() = default;

  /// As the job names it.
  const std::string& kind() const { return kind_; }
  const std::vector<std::string>& columns() const { return columns_; }

  /// Adds what was learnt to the record. Where features may be partitioned by column, each list has
  /// an entry for each column, in their order, and all else is the same whatever the columns are:
  /// workers who have different ones put their records together by that.
  virtual void save(nlohmann::ordered_json& record) const = 0;

  // Tables.

  /// Changes the features of some rows, of any split. Throws DataError for values that it cannot
  /// take, InputError where the columns are not as they were.
  virtual void apply(Frame& frame) const = 0;
  /// Whether it found nothing to do, and is left out.
  virtual bool does_nothing() const { return columns_.empty(); }
  /// Whether `apply` drops rows.
  virtual bool drops_rows() const { return false; }
  /// Whether rows leave the training split that other splits keep: those that
  /// `drop_training_rows` takes out, which is called before `apply`.
  virtual bool drops_training_rows() const { return false; }
  /// Whether it must be given all rows at once for that, as it compares them.
  virtual bool compares_rows() const { return false; }
  virtual void drop_training_rows(Frame& /*frame*/) const {}

  // Samples of arrays: numbers of a shape, in C order. For steps with `fit_samples`.

  /// The shape that samples of this one have afterwards; nothing: the step was fitted to another.
  virtual std::optional<std::vector<std::int64_t>> shape_after(
      const std::vector<std::int64_t>& /*shape*/) const {
    return std::nullopt;
  }
  /// Changes a sample in place, unless it refuses a number. One with fewer elements afterwards
  /// makes `sample` shorter.
  virtual std::optional<Refusal> apply_to_sample(std::span<double>& /*sample*/) const {
    return std::nullopt;
  }
  /// Whether each element is changed alike, so that what it becomes depends on its value alone.
  virtual bool uniform() const { return false; }
  /// Whether the lists of the record have an entry for each element.
  virtual bool by_element() const { return false; }

 private:
  std::string kind_;
  std::vector<std::string> columns_;
};

using FittedSteps = std::vector<std::shared_ptr<const FittedStep>>;

/// The samples of arrays in the training split, as the steps before leave them.
class TrainingSamples {
 public:
  virtual ~TrainingSamples() = default;
  virtual const std::vector<std::int64_t>& shape() const = 0;
  /// Of a sample.
  virtual std::size_t elements() const = 0;
  virtual std::int64_t size() const = 0;
  /// Gives `see` the samples at these positions, front to back. Throws DataError. Each worker can
  /// read all; to share the work it reads its own_positions (convoy/data/peers/segments.hpp).
  using See = std::function<void(std::span<const double> sample)>;
  virtual void read(Range positions, const See& see) const = 0;
  /// "FILE, sample 7" for messages.
  virtual std::string place_of(std::int64_t position) const = 0;
};

/// What there is to know of a sort of step. All functions are pure but for what they read.
struct StepKind : schema::Registration {
  /// Tables: learns from the training rows, which the steps before have changed. Collective:
  /// whatever is decided is decided on what all workers found, or on all rows, so that they fail
  /// alike, and learn the same bits for any number of workers. Throws InputError / DataError.
  std::function<std::unique_ptr<FittedStep>(const schema::AnyOptions&, TrainingRows&, Peers*)> fit =
      nullptr;
  /// A record back as the step. Nothing in it is to be believed unseen: it throws, or returns null,
  /// where it is damaged. What it returns can be applied.
  std::function<std::unique_ptr<FittedStep>(const nlohmann::ordered_json& record)> load = nullptr;
  /// Samples of arrays, as `fit` of tables; null: the step is for tables.
  std::function<std::unique_ptr<FittedStep>(const schema::AnyOptions&, const TrainingSamples&,
                                            Peers*)>
      fit_samples = nullptr;
  /// Why it cannot be fitted with these options where features are partitioned by column, such as
  /// "is of all columns together"; empty: it can. `sample_shape`: of arrays; empty for tables.
  /// Null: `guarantees.columns` says it.
  std::function<std::string(const schema::AnyOptions&, std::span<const std::int64_t> sample_shape)>
      problem_by_column = nullptr;
  /// Whether fitting takes all rows, or all their different numbers, into memory at once. `head`:
  /// the columns before the step; none for arrays. Null: it does not.
  std::function<bool(const schema::AnyOptions&, Frame& head)> needs_all_values = nullptr;
  /// How many different tokens the samples consist of afterwards, at most; null: it makes none.
  std::function<std::int64_t(const schema::AnyOptions&)> tokens = nullptr;
  /// What it makes of the samples of arrays, as in "pca makes components of them"; empty: they keep
  /// their shape.
  std::string makes = {};
};

schema::Registry<StepKind>& preprocess_steps();

/// Those of the step, or its kind's defaults. Throws InputError for a kind that there is not.
schema::AnyOptions options_of(const PreprocessStep& step);

/// The columns that the options name: those of the key `columns`, if there is one, else none.
std::vector<std::string> chosen_columns(const schema::AnyOptions& options);
/// Makes them name these columns, if they have such a key.
void choose_columns(schema::AnyOptions& options, std::vector<std::string> columns);

/// Why the step cannot be fitted where features are partitioned by column, which goes behind its
/// name; empty: it can. `sample_shape`: of arrays; empty for tables.
std::string problem_by_column(const PreprocessStep& step,
                              std::span<const std::int64_t> sample_shape);

/// The record of a fitted step.
nlohmann::ordered_json to_json(const FittedStep& step);
/// The reverse. Throws InputError or nlohmann's exceptions when the record is damaged: a step that
/// this returns can be applied.
std::shared_ptr<const FittedStep> fitted_step(const nlohmann::ordered_json& record);

/// The columns of a record.
std::vector<std::string> recorded_columns(const nlohmann::ordered_json& record);

}  // namespace convoy

#pragma GCC visibility pop
