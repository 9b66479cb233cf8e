#pragma once
// Samples from arrays: kept as the file has them, converted as they are read.
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/lanes/lane.hpp"
#include "data/dataset/row_list.hpp"
#include "data/integrity/bad_samples.hpp"
#include "data/sources/origin.hpp"

namespace convoy {

/// A sample's shape as a model sees it: a number becomes {1}, a 2-D sample gets a channel
/// dimension.
std::vector<std::int64_t> feature_shape(const Array& array);
/// Of a sample of the shape in which it is stored.
std::vector<std::int64_t> feature_shape(std::vector<std::int64_t> stored);

/// Samples as they are stored, each in one piece.
struct StoredSamples {
  ElementType type = ElementType::f32;
  std::int64_t rows = 0;
  std::function<const std::byte*(std::int64_t row)> at;  ///< keeps them alive; thread-safe
};
StoredSamples stored_samples(const Array& array);

/// Steps on samples of one shape, in doubles, one after the other.
class ArrayPipeline {
 public:
  /// Throws InputError when a fitted step does not fit the shape.
  explicit ArrayPipeline(std::vector<std::int64_t> stored_shape, FittedSteps steps = {});

  /// Fits `step` to these rows as the steps before leave them, and adds it. Collective: each worker
  /// reads its own segments of the rows (data/peers/segments), and of a mapped file only those
  /// pages. Throws InputError, the same on every worker, and DataError for a number that the step
  /// cannot take. `file` is for messages. Steps that count values hold each element's different
  /// ones in memory (NumberCounter).
  void fit(const PreprocessStep& step, const StoredSamples& samples, const RowList& rows,
           const std::string& file, Peers* peers);

  /// All steps on one sample of stored_elements() numbers, in place, unless a step refuses a
  /// number: the first elements() of them are what comes out.
  [[nodiscard]] std::optional<Refusal> apply(std::span<double> sample) const;

  /// Whether every element of a sample is treated alike, so that the result depends on the
  /// element's value alone.
  bool uniform() const;

  /// Before the steps, and after them.
  const std::vector<std::int64_t>& stored_shape() const { return stored_shape_; }
  std::size_t stored_elements() const { return stored_elements_; }
  const std::vector<std::int64_t>& sample_shape() const { return shape_; }
  std::size_t elements() const { return elements_; }
  const FittedSteps& steps() const { return steps_; }

 private:
  void add(std::shared_ptr<const FittedStep> step);

  std::vector<std::int64_t> stored_shape_;
  std::size_t stored_elements_;
  std::vector<std::int64_t> shape_;
  std::size_t elements_;
  FittedSteps steps_;
};

/// The targets of some samples, as Batch::target holds them; undefined where there are none.
using ReadTarget = std::function<torch::Tensor(std::span<const std::int64_t> samples)>;

/// Row i of `features` through the pipeline is sample i. `numbers` gives each sample's number in
/// its file, and is empty where that is i. Reading throws DataError naming `file` for a number that
/// a step cannot take, and for one that is not finite where they were not `checked` before.
std::shared_ptr<Dataset> array_dataset(StoredSamples features,
                                       std::shared_ptr<const ArrayPipeline> pipeline,
                                       ReadTarget target, DataSpec spec,
                                       std::vector<std::int64_t> numbers = {},
                                       std::string file = {}, bool checked = true);

/// The same of an array in memory; `target` is undefined or has a row per sample.
std::shared_ptr<Dataset> array_dataset(Array features,
                                       std::shared_ptr<const ArrayPipeline> pipeline,
                                       torch::Tensor target, DataSpec spec,
                                       std::vector<std::int64_t> numbers = {},
                                       std::string file = {});

/// Throws DataError naming the first of these samples of a floating-point array that is not finite;
/// with `bad` adds all of them to it instead. `first`: the number of a row's first element, for
/// messages.
void check_finite(const Array& array, Range samples, const Origin& file, BadSamples* bad = nullptr,
                  std::size_t first = 0);

}  // namespace convoy
