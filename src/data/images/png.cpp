// Declared in data/images/image.hpp.
#include <fmt/format.h>
#include <png.h>

#include <cstring>

#include "convoy/core/error.hpp"
#include "data/images/image.hpp"

namespace convoy {
namespace {

/// libpng's simplified reader, which undoes whatever a file's depth, palette and gamma are.
class PngReader {
 public:
  PngReader(std::span<const std::byte> bytes, const std::string& name) : name_(name) {
    image_.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()) == 0) fail();
    require_decodable(image_.width, image_.height, name);
  }
  ~PngReader() { png_image_free(&image_); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  ImageSize size() const { return {image_.width, image_.height}; }

  Image read(std::int64_t channels) {
    image_.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    Image image{size(), channels, {}};
    image.pixels.resize(PNG_IMAGE_SIZE(image_));
    const png_color white{255, 255, 255};
    if (png_image_finish_read(&image_, &white, image.pixels.data(), 0, nullptr) == 0) fail();
    return image;
  }

 private:
  [[noreturn]] void fail() const {
    throw DataError(name_, fmt::format("is not a whole PNG image: {}", image_.message));
  }

  const std::string& name_;
  png_image image_{};
};

}  // namespace

bool is_png(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 && std::memcmp(bytes.data(), "\x89PNG\r\n\x1a\n", 8) == 0;
}

ImageSize png_size(std::span<const std::byte> bytes, const std::string& name) {
  return PngReader(bytes, name).size();
}

Image decode_png(std::span<const std::byte> bytes, const std::string& name, std::int64_t channels) {
  return PngReader(bytes, name).read(channels);
}

}  // namespace convoy
