#include "data/preprocess/array_pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "data/dataset/gather.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

std::size_t product(std::span<const std::int64_t> shape) {
  return std::accumulate(
      shape.begin(), shape.end(), std::size_t{1},
      [](std::size_t a, std::int64_t b) { return a * static_cast<std::size_t>(b); });
}

[[noreturn]] void fail_refused(const Refusal& refusal, const std::string& file,
                               std::int64_t sample) {
  throw DataError(fmt::format("{}, sample {}", file, sample),
                  fmt::format("element {} is {}", refusal.element, refusal.problem));
}

template <typename T>
void check_finite(const Array& array, Range samples, const Origin& file, BadSamples* bad,
                  std::size_t first) {
  const auto* values = reinterpret_cast<const T*>(array.bytes.data());
  const std::size_t count = array.bytes.size() / sizeof(T);
  const std::size_t per_sample =
      std::max<std::size_t>(1, count / std::max<std::size_t>(1, array.rows()));
  const std::size_t end = std::min(count, static_cast<std::size_t>(samples.end) * per_sample);
  for (std::size_t i = static_cast<std::size_t>(samples.begin) * per_sample; i < end; ++i) {
    // float32 is what samples become, so a double beyond its range is as bad as infinity.
    if (std::isfinite(static_cast<float>(values[i]))) continue;
    const std::size_t sample = i / per_sample;
    const DataError error(
        file.sample(static_cast<std::int64_t>(sample)),
        fmt::format(
            "element {} is {}, which is not a finite 32-bit number{}", first + i % per_sample,
            static_cast<double>(values[i]),
            bad ? ""
                : "; remove or replace such values (impute and drop_missing do it for CSV), "
                  "or set data.on_bad_sample: skip"));
    if (!bad) throw error;
    bad->add(static_cast<std::int64_t>(sample), error.what());
    i = (sample + 1) * per_sample - 1;
  }
}

}  // namespace

std::vector<std::int64_t> feature_shape(const Array& array) {
  return feature_shape(std::vector<std::int64_t>(
      array.shape.begin() + (array.shape.empty() ? 0 : 1), array.shape.end()));
}

std::vector<std::int64_t> feature_shape(std::vector<std::int64_t> shape) {
  if (shape.empty()) shape = {1};
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  return shape;
}

void check_finite(const Array& array, Range samples, const Origin& file, BadSamples* bad,
                  std::size_t first) {
  if (array.type == ElementType::f16) check_finite<Half>(array, samples, file, bad, first);
  if (array.type == ElementType::f32) check_finite<float>(array, samples, file, bad, first);
  if (array.type == ElementType::f64) check_finite<double>(array, samples, file, bad, first);
}

ArrayPipeline::ArrayPipeline(std::vector<std::int64_t> stored_shape, FittedSteps steps)
    : stored_shape_(std::move(stored_shape)),
      stored_elements_(product(stored_shape_)),
      shape_(stored_shape_),
      elements_(stored_elements_) {
  for (auto& step : steps) add(std::move(step));
}

void ArrayPipeline::add(std::shared_ptr<const FittedStep> step) {
  const auto shape = step->shape_after(shape_);
  if (!step->columns().empty() || !shape) {
    throw InputError(fmt::format("preprocess: the fitted step {} does not fit samples of {}",
                                 step->kind(), shape_text(shape_)));
  }
  shape_ = *shape;
  elements_ = product(shape_);
  steps_.push_back(std::move(step));
}

StoredSamples stored_samples(const Array& array) {
  const std::int64_t rows = array.rows();
  const std::size_t size = rows == 0 ? 0 : array.bytes.size() / static_cast<std::size_t>(rows);
  return {array.type, rows,
          [first = array.bytes.data(), size, owner = array.owner](std::int64_t row) {
            return first + static_cast<std::size_t>(row) * size;
          }};
}

namespace {

/// Samples as a pipeline leaves them.
class PipelineSamples final : public TrainingSamples {
 public:
  PipelineSamples(const ArrayPipeline& pipeline, const StoredSamples& samples, const RowList& rows,
                  const std::string& file)
      : pipeline_(pipeline), samples_(samples), rows_(rows), file_(file) {}

  const std::vector<std::int64_t>& shape() const override { return pipeline_.sample_shape(); }
  std::size_t elements() const override { return pipeline_.elements(); }
  std::int64_t size() const override { return rows_.size(); }
  void read(Range positions, const See& see) const override {
    std::vector<double> sample(pipeline_.stored_elements());
    for (std::int64_t i = positions.begin; i < positions.end; ++i) {
      const std::int64_t row = rows_[i];
      to_doubles(samples_.type, samples_.at(row), sample);
      if (const auto refusal = pipeline_.apply(sample)) fail_refused(*refusal, file_, row);
      see(std::span<const double>(sample).first(pipeline_.elements()));
    }
  }
  std::string place_of(std::int64_t position) const override {
    return fmt::format("{}, sample {}", file_, rows_[position]);
  }

 private:
  const ArrayPipeline& pipeline_;
  const StoredSamples& samples_;
  const RowList& rows_;
  const std::string& file_;
};

}  // namespace

void ArrayPipeline::fit(const PreprocessStep& step, const StoredSamples& samples,
                        const RowList& rows, const std::string& file, Peers* peers) {
  const StepKind& kind = preprocess_steps().get(step.kind);
  if (!kind.fit_samples) {
    throw InputError(
        fmt::format("preprocess: {} needs CSV features or another table; samples of arrays have no "
                    "columns, text or missing values",
                    step.kind));
  }
  const schema::AnyOptions options = options_of(step);
  if (!chosen_columns(options).empty()) {
    throw InputError(fmt::format(
        "preprocess: {}: samples of arrays have no named columns; leave `columns` out", step.kind));
  }
  add(kind.fit_samples(options, PipelineSamples(*this, samples, rows, file), peers));
}

std::optional<Refusal> ArrayPipeline::apply(std::span<double> sample) const {
  for (const auto& step : steps_) {
    if (auto refusal = step->apply_to_sample(sample)) return refusal;
  }
  return std::nullopt;
}

bool ArrayPipeline::uniform() const {
  return std::ranges::all_of(steps_, [](const auto& step) { return step->uniform(); });
}

namespace {

/// "pca makes components of them".
std::string what_is_made(const FittedSteps& steps) {
  for (const auto& step : steps) {
    const std::string& makes = preprocess_steps().get(step->kind()).makes;
    if (!makes.empty()) return fmt::format("{} makes {} of them", step->kind(), makes);
  }
  return "preprocess makes something else of them";
}

class ArrayDataset final : public Dataset {
 public:
  ArrayDataset(StoredSamples features, std::shared_ptr<const ArrayPipeline> pipeline,
               ReadTarget target, DataSpec spec, std::vector<std::int64_t> numbers,
               std::string file, bool checked)
      : features_(std::move(features)),
        pipeline_(std::move(pipeline)),
        target_(std::move(target)),
        spec_(std::move(spec)),
        numbers_(std::move(numbers)),
        file_(std::move(file)),
        checked_(checked || !is_floating(features_.type)),
        copies_(checked_ && features_.type == ElementType::f32 && pipeline_->steps().empty()),
        looks_up_(features_.type == ElementType::u8 && pipeline_->uniform()) {
    if (!looks_up_) return;
    for (std::size_t value = 0; value < table_.size(); ++value) {
      double x = static_cast<double>(value);
      // With values that a step refuses samples are looked at one by one.
      if (pipeline_->apply({&x, 1})) looks_up_ = false;
      table_[value] = static_cast<float>(x);
    }
  }

  std::int64_t size() const override { return features_.rows; }
  const DataSpec& spec() const override { return spec_; }

  Batch read(std::span<const std::int64_t> samples) const override {
    Batch batch = new_batch(samples);
    read_features(samples, values_of(batch.features).data());
    return batch;
  }

  Batch read_changed(std::span<const std::int64_t> samples, const Change& change) const override {
    Batch batch = new_batch(samples);
    float* out = values_of(batch.features).data();
    const std::size_t elements = pipeline_->elements();
    if (elements != pipeline_->stored_elements()) {
      throw InputError(fmt::format("augment: changes images, and {}; remove one of the two",
                                   what_is_made(pipeline_->steps())));
    }
    const float largest =
        features_.type == ElementType::u8 ? 255.0F : std::numeric_limits<float>::infinity();
    std::vector<double> sample(elements);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const std::span<float> values(out + i * elements, elements);
      to_doubles(features_.type, features_.at(samples[i]), sample);
      if (!checked_) require_finite(sample, samples[i]);
      std::copy(sample.begin(), sample.end(), values.begin());
      change(values, i, largest);
      std::copy(values.begin(), values.end(), sample.begin());
      through_steps(sample, samples[i], values);
    }
    return batch;
  }

 private:
  /// Without values in its features.
  Batch new_batch(std::span<const std::int64_t> samples) const {
    require_samples(samples, size());
    Batch batch;
    std::vector<std::int64_t> shape = spec_.feature_shape;
    shape.insert(shape.begin(), static_cast<std::int64_t>(samples.size()));
    batch.features = host_tensor(shape);
    if (target_) batch.target = target_(samples);
    batch.samples.assign(samples.begin(), samples.end());
    if (!numbers_.empty()) {
      for (std::int64_t& sample : batch.samples)
        sample = numbers_[static_cast<std::size_t>(sample)];
    }
    return batch;
  }

  void read_features(std::span<const std::int64_t> samples, float* out) const {
    const std::size_t elements = pipeline_->elements();
    std::vector<double> sample(copies_ || looks_up_ ? 0 : pipeline_->stored_elements());
    for (const std::int64_t row : samples) {
      const std::byte* const stored = features_.at(row);
      if (looks_up_) {
        const auto* from = reinterpret_cast<const std::uint8_t*>(stored);
        for (std::size_t i = 0; i < elements; ++i) out[i] = table_[from[i]];
      } else if (copies_) {
        std::memcpy(out, stored, elements * sizeof(float));
      } else {
        to_doubles(features_.type, stored, sample);
        if (!checked_) require_finite(sample, row);
        through_steps(sample, row, {out, elements});
      }
      out += elements;
    }
  }

  void through_steps(std::span<double> sample, std::int64_t row, std::span<float> out) const {
    if (const auto refusal = pipeline_->apply(sample)) {
      fail_refused(*refusal, file_,
                   numbers_.empty() ? row : numbers_[static_cast<std::size_t>(row)]);
    }
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(sample[i]);
  }

  void require_finite(std::span<const double> sample, std::int64_t row) const {
    for (std::size_t i = 0; i < sample.size(); ++i) {
      if (std::isfinite(static_cast<float>(sample[i]))) continue;
      throw DataError(
          fmt::format("{}, sample {}", file_, row),
          fmt::format("element {} is {}, which is not a finite 32-bit number", i, sample[i]));
    }
  }

  StoredSamples features_;
  std::shared_ptr<const ArrayPipeline> pipeline_;
  ReadTarget target_;
  DataSpec spec_;
  std::vector<std::int64_t> numbers_;
  std::string file_;
  bool checked_;
  bool copies_;
  bool looks_up_;
  std::array<float, 256> table_{};
};

}  // namespace

std::shared_ptr<Dataset> array_dataset(StoredSamples features,
                                       std::shared_ptr<const ArrayPipeline> pipeline,
                                       ReadTarget target, DataSpec spec,
                                       std::vector<std::int64_t> numbers, std::string file,
                                       bool checked) {
  return std::make_shared<ArrayDataset>(std::move(features), std::move(pipeline), std::move(target),
                                        std::move(spec), std::move(numbers), std::move(file),
                                        checked);
}

std::shared_ptr<Dataset> array_dataset(Array features,
                                       std::shared_ptr<const ArrayPipeline> pipeline,
                                       torch::Tensor target, DataSpec spec,
                                       std::vector<std::int64_t> numbers, std::string file) {
  ReadTarget read_target;
  if (target.defined()) {
    read_target = [target = std::move(target)](std::span<const std::int64_t> samples) {
      return gather_rows(target, samples);
    };
  }
  return array_dataset(stored_samples(features), std::move(pipeline), std::move(read_target),
                       std::move(spec), std::move(numbers), std::move(file));
}

}  // namespace convoy
