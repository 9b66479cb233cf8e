#pragma once
// One image in memory: decoded from JPEG (libjpeg-turbo) or PNG (libpng), brought to a size.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "convoy/data/options.hpp"

namespace convoy {

struct ImageSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool operator==(const ImageSize&) const = default;
};

/// Rows from the top, pixels from the left, channels of a pixel side by side (red, green, blue, or
/// grey alone), 0 to 255 in sRGB.
struct Image {
  ImageSize size;
  std::int64_t channels = 3;
  std::vector<std::uint8_t> pixels;
};

/// Whether these bytes begin as an image of a kind that decode_image knows.
bool is_image(std::span<const std::byte> bytes);

/// The size that an image's header claims. Throws DataError naming `name`.
ImageSize image_size(std::span<const std::byte> bytes, const std::string& name);

/// Decodes; transparent parts become white. JPEG images much larger than `enough` come out at a
/// half, a quarter or an eighth of their size (which is faster), not below `enough`; {0, 0}: as
/// they are. Throws DataError naming `name` for anything that is no whole image, or one of more
/// than 100 million pixels. Thread-safe.
Image decode_image(std::span<const std::byte> bytes, const std::string& name, std::int64_t channels,
                   ImageSize enough = {});

// By kind: what decode_image and image_size call.
bool is_jpeg(std::span<const std::byte> bytes);
ImageSize jpeg_size(std::span<const std::byte> bytes, const std::string& name);
Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, std::int64_t channels,
                  ImageSize enough);
bool is_png(std::span<const std::byte> bytes);
ImageSize png_size(std::span<const std::byte> bytes, const std::string& name);
Image decode_png(std::span<const std::byte> bytes, const std::string& name, std::int64_t channels);

/// Throws DataError when an image is empty or too large to be decoded.
void require_decodable(std::int64_t width, std::int64_t height, const std::string& name);

/// A part of an image, in pixels; edges may lie within pixels.
struct ImagePart {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
};

/// That part as an image of `size`: a triangle filter as wide as a pixel of the result (bilinear
/// when enlarging, averaging when reducing, as Pillow's BILINEAR).
Image resample(const Image& image, const ImagePart& part, ImageSize size);

/// Brings an image to `size` as `how` says: crop, pad or stretch (ImageOptions::resize).
Image fit_image(Image image, ImageSize size, const std::string& how);

}  // namespace convoy
