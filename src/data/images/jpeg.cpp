// Declared in data/images/image.hpp.
#include <fmt/format.h>
#include <turbojpeg.h>

#include <memory>
#include <string_view>

#include "convoy/core/error.hpp"
#include "data/images/image.hpp"

namespace convoy {
namespace {

using Decoder = std::unique_ptr<void, decltype(&tjDestroy)>;

Decoder jpeg_decoder() {
  Decoder decoder(tjInitDecompress(), tjDestroy);
  if (!decoder) throw IoError("libjpeg-turbo cannot start: out of memory");
  return decoder;
}

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

[[noreturn]] void fail_jpeg(const Decoder& decoder, const std::string& name) {
  throw DataError(name,
                  fmt::format("is not a whole JPEG image: {}", tjGetErrorStr2(decoder.get())));
}

struct JpegHeader {
  int width = 0;
  int height = 0;
  int colours = 0;
};

JpegHeader read_jpeg_header(const Decoder& decoder, std::span<const std::byte> bytes,
                            const std::string& name) {
  JpegHeader header;
  int subsampling = 0;
  if (tjDecompressHeader3(decoder.get(), raw(bytes), bytes.size(), &header.width, &header.height,
                          &subsampling, &header.colours) != 0)
    fail_jpeg(decoder, name);
  require_decodable(header.width, header.height, name);
  return header;
}

/// The smallest size that the decoder can give directly and that is enough.
ImageSize jpeg_output_size(const JpegHeader& header, ImageSize enough) {
  ImageSize best{header.width, header.height};
  if (enough == ImageSize{}) return best;
  int count = 0;
  const tjscalingfactor* const factors = tjGetScalingFactors(&count);
  for (int i = 0; i < count; ++i) {
    if (factors[i].num != 1) continue;  // the others are slower than whole decoding
    const ImageSize size{TJSCALED(header.width, factors[i]), TJSCALED(header.height, factors[i])};
    if (size.width >= enough.width && size.height >= enough.height && size.width < best.width)
      best = size;
  }
  return best;
}

/// Print colours, inverted as Adobe's programs write them.
std::vector<std::uint8_t> from_cmyk(const std::vector<std::uint8_t>& cmyk, std::int64_t channels) {
  std::vector<std::uint8_t> out(cmyk.size() / 4 * static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < cmyk.size() / 4; ++i) {
    unsigned rgb[3];
    for (std::size_t c = 0; c < 3; ++c)
      rgb[c] = (unsigned{cmyk[4 * i + c]} * cmyk[4 * i + 3] + 127) / 255;
    if (channels == 3) {
      for (std::size_t c = 0; c < 3; ++c) out[3 * i + c] = static_cast<std::uint8_t>(rgb[c]);
    } else {
      out[i] = static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    }
  }
  return out;
}

/// Bytes too many between parts of a file harm nothing; cameras write them.
bool is_harmless(std::string_view warning) {
  return warning.find("extraneous bytes") != std::string_view::npos;
}

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && raw(bytes)[0] == 0xff && raw(bytes)[1] == 0xd8 &&
         raw(bytes)[2] == 0xff;
}

ImageSize jpeg_size(std::span<const std::byte> bytes, const std::string& name) {
  const JpegHeader header = read_jpeg_header(jpeg_decoder(), bytes, name);
  return {header.width, header.height};
}

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, std::int64_t channels,
                  ImageSize enough) {
  const Decoder decoder = jpeg_decoder();
  const JpegHeader header = read_jpeg_header(decoder, bytes, name);
  const bool cmyk = header.colours == TJCS_CMYK || header.colours == TJCS_YCCK;
  const int format = cmyk ? TJPF_CMYK : channels == 3 ? TJPF_RGB : TJPF_GRAY;
  Image image{jpeg_output_size(header, enough), channels, {}};
  image.pixels.resize(static_cast<std::size_t>(image.size.width * image.size.height) *
                      static_cast<std::size_t>(tjPixelSize[format]));
  const int failed =
      tjDecompress2(decoder.get(), raw(bytes), bytes.size(), image.pixels.data(),
                    static_cast<int>(image.size.width), 0, static_cast<int>(image.size.height),
                    format, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
  if (failed != 0 && !(tjGetErrorCode(decoder.get()) == TJERR_WARNING &&
                       is_harmless(tjGetErrorStr2(decoder.get()))))
    fail_jpeg(decoder, name);
  if (cmyk) image.pixels = from_cmyk(image.pixels, channels);
  return image;
}

}  // namespace convoy
