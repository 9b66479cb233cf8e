#include "convoy/data/dataset/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "data/dataset/gather.hpp"

namespace convoy {

void require_samples(std::span<const std::int64_t> samples, std::int64_t size) {
  for (const std::int64_t sample : samples) {
    if (sample < 0 || sample >= size) {
      throw InputError(
          fmt::format("sample {} does not exist: the dataset has {} samples", sample, size));
    }
  }
}

torch::Tensor gather_rows(const torch::Tensor& tensor, std::span<const std::int64_t> rows) {
  std::vector<std::int64_t> shape = tensor.sizes().vec();
  shape[0] = static_cast<std::int64_t>(rows.size());
  torch::Tensor out = torch::empty(shape, tensor.options());
  if (out.numel() == 0) return out;
  const std::size_t row_bytes = out.nbytes() / rows.size();
  const auto* from = static_cast<const std::byte*>(tensor.data_ptr());
  auto* to = static_cast<std::byte*>(out.data_ptr());
  for (const std::int64_t row : rows) {
    std::memcpy(to, from + static_cast<std::size_t>(row) * row_bytes, row_bytes);
    to += row_bytes;
  }
  return out;
}

Batch Dataset::read_changed(std::span<const std::int64_t> samples, const Change& change) const {
  Batch batch = read(samples);
  if (batch.size() == 0) return batch;
  batch.features = batch.features.contiguous();
  const auto elements = static_cast<std::size_t>(batch.features.numel() / batch.size());
  const std::span<float> values = values_of(batch.features);
  for (std::size_t i = 0; i < batch.samples.size(); ++i)
    change(values.subspan(i * elements, elements), i, std::numeric_limits<float>::infinity());
  return batch;
}

namespace {

class TensorDataset final : public Dataset {
 public:
  TensorDataset(torch::Tensor features, torch::Tensor target, DataSpec spec)
      : features_(std::move(features)), target_(std::move(target)), spec_(std::move(spec)) {}

  std::int64_t size() const override { return features_.size(0); }
  const DataSpec& spec() const override { return spec_; }
  Batch read(std::span<const std::int64_t> samples) const override {
    require_samples(samples, size());
    return {gather_rows(features_, samples),
            gather_rows(target_, samples),
            {samples.begin(), samples.end()}};
  }

 private:
  torch::Tensor features_;
  torch::Tensor target_;
  DataSpec spec_;
};

class Subset final : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> dataset, std::vector<std::int64_t> rows)
      : dataset_(std::move(dataset)), rows_(std::move(rows)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  const DataSpec& spec() const override { return dataset_->spec(); }
  Batch read(std::span<const std::int64_t> samples) const override {
    return dataset_->read(rows_of(samples));
  }
  Batch read_changed(std::span<const std::int64_t> samples, const Change& change) const override {
    return dataset_->read_changed(rows_of(samples), change);
  }

 private:
  std::vector<std::int64_t> rows_of(std::span<const std::int64_t> samples) const {
    require_samples(samples, size());
    std::vector<std::int64_t> rows;
    rows.reserve(samples.size());
    for (const std::int64_t sample : samples)
      rows.push_back(rows_[static_cast<std::size_t>(sample)]);
    return rows;
  }

  std::shared_ptr<const Dataset> dataset_;
  std::vector<std::int64_t> rows_;
};

[[noreturn]] void misfit(const std::string& problem) {
  throw InputError("tensor_dataset: " + problem);
}

void check_labels(const torch::Tensor& target, std::int64_t classes) {
  if (target.dim() != 1 || target.scalar_type() != torch::kLong) {
    misfit(fmt::format("classification needs an int64 target of shape [n], not {} {}",
                       torch::toString(target.scalar_type()), fmt::join(target.sizes(), "x")));
  }
  const auto* labels = target.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < target.size(0); ++i) {
    if (labels[i] < 0 || labels[i] >= classes) {
      misfit(fmt::format("sample {}: label {} is outside 0..{}", i, labels[i], classes - 1));
    }
  }
}

void check_numbers(const torch::Tensor& target, const DataSpec& spec) {
  if (target.dim() != 2 || target.size(1) != spec.outputs || !is_host_tensor(target)) {
    misfit(fmt::format("this task needs a float32 target of shape [n, {}], not {} {}", spec.outputs,
                       torch::toString(target.scalar_type()), fmt::join(target.sizes(), "x")));
  }
  if (spec.task != Task::binary) return;
  const std::span<const float> values = values_of(target);
  for (std::int64_t i = 0; i < target.size(0); ++i) {
    if (values[i] != 0 && values[i] != 1)
      misfit(fmt::format("sample {}: target {} is neither 0 nor 1", i, values[i]));
  }
}

}  // namespace

std::shared_ptr<Dataset> tensor_dataset(torch::Tensor features, torch::Tensor target,
                                        DataSpec spec) {
  if (!features.defined() || !target.defined()) misfit("features and target must both be given");
  if (!features.device().is_cpu() || !target.device().is_cpu())
    misfit("tensors must be on the CPU");
  if (features.dim() == 0 || target.dim() == 0 || features.size(0) != target.size(0)) {
    misfit(fmt::format("features of {} and target of {} do not have a row per sample each",
                       fmt::join(features.sizes(), "x"), fmt::join(target.sizes(), "x")));
  }
  if (!is_host_tensor(features)) {
    misfit(
        fmt::format("features must be float32, not {}", torch::toString(features.scalar_type())));
  }
  if (features.sizes().slice(1) != torch::IntArrayRef(spec.feature_shape)) {
    misfit(fmt::format("features of {} are not samples of {}", fmt::join(features.sizes(), "x"),
                       fmt::join(spec.feature_shape, "x")));
  }
  if (spec.task == Task::binary && spec.outputs != 1) misfit("a binary task has 1 output");
  if (spec.outputs < 1) misfit("`outputs` must be at least 1");
  features = features.detach().contiguous();
  target = target.detach().contiguous();
  if (spec.task == Task::classification)
    check_labels(target, spec.outputs);
  else
    check_numbers(target, spec);
  return std::make_shared<TensorDataset>(std::move(features), std::move(target), std::move(spec));
}

std::shared_ptr<Dataset> subset(std::shared_ptr<const Dataset> dataset,
                                std::vector<std::int64_t> rows) {
  if (!dataset) throw InputError("subset: no dataset");
  require_samples(rows, dataset->size());
  return std::make_shared<Subset>(std::move(dataset), std::move(rows));
}

}  // namespace convoy
