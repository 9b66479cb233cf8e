#include "data/images/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr std::int64_t most_pixels = 100'000'000;

/// The pixels of one line that make one pixel of the result, and how much each counts.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

/// For each of `count` pixels that together show [begin, begin + extent) of a line of `size`
/// pixels.
std::vector<Taps> taps_of(double begin, double extent, std::int64_t size, std::int64_t count) {
  const double scale = extent / static_cast<double>(count);
  const double reach = std::max(1.0, scale);
  std::vector<Taps> all(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const double centre = begin + (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::floor(centre - reach + 0.5)), 0, size - 1);
    const auto end = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::floor(centre + reach + 0.5)), first + 1, size);
    Taps& taps = all[static_cast<std::size_t>(i)];
    taps.first = first;
    double sum = 0;
    std::vector<double> weights;
    for (std::int64_t k = first; k < end; ++k) {
      const double distance = std::abs((static_cast<double>(k) + 0.5 - centre) / reach);
      weights.push_back(std::max(0.0, 1 - distance));
      sum += weights.back();
    }
    for (const double weight : weights)
      taps.weights.push_back(
          static_cast<float>(sum > 0 ? weight / sum : 1.0 / static_cast<double>(weights.size())));
  }
  return all;
}

template <int channels>
void resample_line(const std::uint8_t* line, const std::vector<Taps>& columns, float* out) {
  for (const Taps& taps : columns) {
    float sum[channels] = {};
    const std::uint8_t* from = line + taps.first * channels;
    for (const float weight : taps.weights) {
      for (int c = 0; c < channels; ++c) sum[c] += weight * static_cast<float>(from[c]);
      from += channels;
    }
    for (int c = 0; c < channels; ++c) *out++ = sum[c];
  }
}

}  // namespace

void require_decodable(std::int64_t width, std::int64_t height, const std::string& name) {
  if (width < 1 || height < 1) throw DataError(name, "is an image without pixels");
  if (width > most_pixels / height) {
    throw DataError(name, fmt::format("is an image of {} x {} pixels; at most {} are decoded",
                                      width, height, most_pixels));
  }
}

bool is_image(std::span<const std::byte> bytes) {
  return is_jpeg(bytes) || is_png(bytes);
}

ImageSize image_size(std::span<const std::byte> bytes, const std::string& name) {
  if (is_jpeg(bytes)) return jpeg_size(bytes, name);
  if (is_png(bytes)) return png_size(bytes, name);
  throw DataError(name, "is neither a JPEG nor a PNG image");
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, std::int64_t channels,
                   ImageSize enough) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, name, channels, enough);
  if (is_png(bytes)) return decode_png(bytes, name, channels);
  throw DataError(name, "is neither a JPEG nor a PNG image");
}

Image resample(const Image& image, const ImagePart& part, ImageSize size) {
  const std::vector<Taps> columns = taps_of(part.left, part.width, image.size.width, size.width);
  const std::vector<Taps> rows = taps_of(part.top, part.height, image.size.height, size.height);
  const auto line = static_cast<std::size_t>(size.width * image.channels);
  const std::int64_t first_row = rows.front().first;
  const std::int64_t end_row =
      rows.back().first + static_cast<std::int64_t>(rows.back().weights.size());
  std::vector<float> lines(line * static_cast<std::size_t>(end_row - first_row));
  for (std::int64_t y = first_row; y < end_row; ++y) {
    const std::uint8_t* from = image.pixels.data() + y * image.size.width * image.channels;
    float* to = lines.data() + static_cast<std::size_t>(y - first_row) * line;
    if (image.channels == 3)
      resample_line<3>(from, columns, to);
    else
      resample_line<1>(from, columns, to);
  }
  Image out{size, image.channels, std::vector<std::uint8_t>(line * rows.size())};
  std::vector<float> sum(line);
  std::uint8_t* to = out.pixels.data();
  for (const Taps& taps : rows) {
    std::fill(sum.begin(), sum.end(), 0.5F);
    const float* from = lines.data() + static_cast<std::size_t>(taps.first - first_row) * line;
    for (const float weight : taps.weights) {
      for (std::size_t i = 0; i < line; ++i) sum[i] += weight * from[i];
      from += line;
    }
    for (const float value : sum) *to++ = static_cast<std::uint8_t>(std::min(value, 255.0F));
  }
  return out;
}

Image fit_image(Image image, ImageSize size, const std::string& how) {
  if (image.size == size) return image;
  const auto width = static_cast<double>(image.size.width);
  const auto height = static_cast<double>(image.size.height);
  if (how == "stretch") return resample(image, {0, 0, width, height}, size);
  const double across = static_cast<double>(size.width) / width;
  const double down = static_cast<double>(size.height) / height;
  if (how == "crop") {
    const double scale = std::max(across, down);
    const double shown_width = static_cast<double>(size.width) / scale;
    const double shown_height = static_cast<double>(size.height) / scale;
    return resample(
        image, {(width - shown_width) / 2, (height - shown_height) / 2, shown_width, shown_height},
        size);
  }
  const double scale = std::min(across, down);
  const auto scaled = [scale](double extent, std::int64_t most) {
    return std::clamp<std::int64_t>(std::llround(extent * scale), 1, most);
  };
  const ImageSize shown{scaled(width, size.width), scaled(height, size.height)};
  const Image inner = resample(image, {0, 0, width, height}, shown);
  Image out{size, image.channels, {}};
  out.pixels.resize(static_cast<std::size_t>(size.width * size.height * image.channels));
  const std::int64_t left = (size.width - shown.width) / 2;
  const std::int64_t top = (size.height - shown.height) / 2;
  for (std::int64_t y = 0; y < shown.height; ++y) {
    std::copy_n(inner.pixels.data() + y * shown.width * image.channels,
                shown.width * image.channels,
                out.pixels.data() + ((top + y) * size.width + left) * image.channels);
  }
  return out;
}

}  // namespace convoy
