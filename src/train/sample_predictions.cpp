#include "convoy/train/sample_predictions.hpp"

#include <algorithm>
#include <cmath>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/metric/metrics.hpp"
#include "core/base64.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

// What a page can show: larger images are averaged down, wider tables cut.
constexpr std::int64_t kLongestSide = 96;
constexpr std::size_t kMostFeatures = 32;

struct ImageShape {
  std::int64_t channels, height, width;
};

// Whether samples of this shape are images.
std::optional<ImageShape> image_shape(const DataSpec& spec) {
  const auto& shape = spec.feature_shape;
  if (!spec.feature_names.empty() || shape.size() < 2 || shape.size() > 3) return std::nullopt;
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t side) { return side < 1; }))
    return std::nullopt;
  if (shape.size() == 2) return ImageShape{1, shape[0], shape[1]};
  if (shape[0] != 1 && shape[0] != 3) return std::nullopt;
  return ImageShape{shape[0], shape[1], shape[2]};
}

// Images as bytes [height, width, channel]: all samples on one scale, so that dark ones stay dark.
class ImageEncoder {
 public:
  ImageEncoder(const torch::Tensor& features, ImageShape shape)
      : shape_(shape),
        step_((std::max(shape.height, shape.width) + kLongestSide - 1) / kLongestSide) {
    for (const float x : values_of(features)) {
      if (!std::isfinite(x)) continue;
      low_ = std::min(low_, x);
      high_ = std::max(high_, x);
    }
  }
  std::int64_t height() const { return (shape_.height + step_ - 1) / step_; }
  std::int64_t width() const { return (shape_.width + step_ - 1) / step_; }

  std::string encode(const float* pixels) const {
    std::string bytes;
    for (std::int64_t y = 0; y < shape_.height; y += step_) {
      for (std::int64_t x = 0; x < shape_.width; x += step_) {
        for (std::int64_t c = 0; c < shape_.channels; ++c) {
          bytes += to_byte(mean_of_block(pixels + c * shape_.height * shape_.width, y, x));
        }
      }
    }
    return encode_base64(bytes);
  }

 private:
  double mean_of_block(const float* plane, std::int64_t top, std::int64_t left) const {
    const std::int64_t bottom = std::min(top + step_, shape_.height);
    const std::int64_t right = std::min(left + step_, shape_.width);
    double sum = 0;
    for (std::int64_t y = top; y < bottom; ++y) {
      for (std::int64_t x = left; x < right; ++x) sum += plane[y * shape_.width + x];
    }
    return sum / static_cast<double>((bottom - top) * (right - left));
  }

  char to_byte(double value) const {
    const double part = (value - low_) / (static_cast<double>(high_) - low_);
    return static_cast<char>(
        static_cast<unsigned char>(std::isfinite(part) ? std::clamp(255 * part, 0.0, 255.0) : 0));
  }

  ImageShape shape_;
  std::int64_t step_;
  float low_ = std::numeric_limits<float>::infinity();
  float high_ = -std::numeric_limits<float>::infinity();
};

std::string class_name(const DataSpec& spec, std::int64_t number) {
  const bool named = number >= 0 && number < static_cast<std::int64_t>(spec.class_names.size());
  return named ? spec.class_names[static_cast<std::size_t>(number)] : std::to_string(number);
}

// One number, or a list of several; null where not finite.
Json numbers(const torch::Tensor& values) {
  const torch::Tensor row = to_host_tensor(values);
  Json list = Json::array();
  for (const float x : values_of(row)) list.push_back(std::isfinite(x) ? Json(x) : Json());
  return list.size() == 1 ? list[0] : list;
}

// Prediction, confidence and whether it is right, for a row of class probabilities.
void add_class_prediction(Json& sample, const DataSpec& spec, const torch::Tensor& probabilities,
                          const torch::Tensor& target) {
  const std::int64_t truth = target.defined() ? target.item().toLong() : -1;
  if (target.defined()) sample["target"] = class_name(spec, truth);
  if (probabilities.isnan().any().item<bool>()) {
    sample["prediction"] = nullptr;
    if (target.defined()) sample["correct"] = false;
    return;
  }
  // As compute_metrics decides: of two equal probabilities, the first.
  const std::span<const float> row = values_of(probabilities);
  const auto best = std::max_element(row.begin(), row.end());
  sample["prediction"] = class_name(spec, best - row.begin());
  sample["confidence"] = *best;
  if (target.defined()) sample["correct"] = truth == best - row.begin();
}

void check(const DataSpec& spec, const Batch& batch, const torch::Tensor& outputs) {
  std::int64_t elements = batch.size();
  for (const std::int64_t side : spec.feature_shape) elements *= side;
  const bool fits = batch.features.defined() && batch.features.numel() == elements &&
                    outputs.defined() && outputs.dim() >= 1 && outputs.size(0) == batch.size() &&
                    (!batch.target.defined() ||
                     (batch.target.dim() >= 1 && batch.target.size(0) == batch.size()));
  if (!fits) throw InputError("samples: features, targets and outputs must have one row a sample");
}

Json describe(const DataSpec& spec, const Batch& batch, const torch::Tensor& outputs) {
  const torch::Tensor features = to_host_tensor(batch.features);
  const torch::Tensor predictions = to_predictions(spec, to_host_tensor(outputs)).contiguous();
  Json result = Json::object();
  std::optional<ImageEncoder> images;
  const std::size_t shown = std::min(spec.feature_names.size(), kMostFeatures);
  if (const auto shape = image_shape(spec); shape && batch.size() > 0) {
    images.emplace(features, *shape);
    result["image"] = {
        {"height", images->height()}, {"width", images->width()}, {"channels", shape->channels}};
  } else if (shown > 0) {
    result["features"] =
        std::vector<std::string>(spec.feature_names.begin(),
                                 spec.feature_names.begin() + static_cast<std::ptrdiff_t>(shown));
    result["features_total"] = spec.feature_names.size();
  }
  Json samples = Json::array();
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    Json sample = {{"sample", batch.samples[static_cast<std::size_t>(i)]}};
    const torch::Tensor target = batch.target.defined() ? batch.target[i] : torch::Tensor();
    if (spec.task != Task::regression) {
      add_class_prediction(sample, spec, predictions[i], target);
    } else {
      if (target.defined()) sample["target"] = numbers(target);
      sample["prediction"] = numbers(predictions[i]);
    }
    if (images) sample["image"] = images->encode(values_of(features[i]).data());
    if (!images && shown > 0) {
      const Json row = numbers(features[i].flatten().slice(0, 0, static_cast<std::int64_t>(shown)));
      sample["features"] = row.is_array() ? row : Json::array({row});
    }
    samples.push_back(std::move(sample));
  }
  result["samples"] = std::move(samples);
  return result;
}

}  // namespace

void write_samples(const std::filesystem::path& run, const DataSpec& spec, const Batch& batch,
                   const torch::Tensor& outputs) {
  check(spec, batch, outputs);
  const Json described = describe(spec, batch, outputs);
  write_file_atomically(run / "samples.json",
                        described.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace convoy
