// The first byte says how, the rest is the image.
#include <cstddef>
#include <cstdint>
#include <span>

#include "convoy/core/error.hpp"
#include "data/images/image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static constexpr const char* ways[] = {"crop", "pad", "stretch"};
  const unsigned how = data[0];
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  try {
    const convoy::ImageSize claimed = convoy::image_size(bytes, "x");
    if (claimed.width > 1'000'000 / claimed.height) return 0;  // takes long, and finds no more
    const convoy::ImageSize wanted{1 + how % 17, 1 + how % 13};
    convoy::Image image = convoy::decode_image(bytes, "x", how % 2 == 0 ? 3 : 1,
                                               how % 5 == 0 ? wanted : convoy::ImageSize{});
    image = convoy::fit_image(std::move(image), wanted, ways[how % 3]);
    if (image.pixels.size() !=
        static_cast<std::size_t>(wanted.width * wanted.height * image.channels))
      __builtin_trap();
  } catch (const convoy::DataError&) {
  }
  return 0;
}
