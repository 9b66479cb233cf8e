#include "data/formats/gzip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr int gzip_window = 15 + 16;  // zlib: the largest window, gzip header and checksum expected
constexpr std::size_t most_at_once = std::size_t{1} << 30;  // zlib counts in 32 bits

class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, gzip_window) != Z_OK) throw IoError("cannot start zlib");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b} &&
         bytes[2] == std::byte{8};
}

std::vector<std::byte> unpack_gzip(std::span<const std::byte> bytes, const std::string& name,
                                   std::size_t limit) {
  Inflater inflater;
  z_stream& stream = inflater.stream();
  std::vector<std::byte> out(std::min(limit, std::max<std::size_t>(4096, bytes.size() * 4)));
  std::size_t read = 0;
  std::size_t written = 0;
  while (true) {
    if (written == out.size()) {
      if (written >= limit)
        throw DataError(name, fmt::format("unpacks to more than {} bytes; unpack it first", limit));
      out.resize(std::min(limit, out.size() * 2));
    }
    const std::size_t input = std::min(most_at_once, bytes.size() - read);
    const std::size_t room = std::min(most_at_once, out.size() - written);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data() + read));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    read += input - stream.avail_in;
    written += room - stream.avail_out;
    if (status == Z_STREAM_END) {
      if (read == bytes.size()) break;
      if (!is_gzip(bytes.subspan(read))) {
        throw DataError(fmt::format("{}, byte {}", name, read),
                        "what follows the gzip data is not gzip");
      }
      inflateReset(&stream);
    } else if (status == Z_BUF_ERROR ||
               (status == Z_OK && read == bytes.size() && stream.avail_out != 0)) {
      throw DataError(fmt::format("{}, byte {}", name, read),
                      "truncated: the gzip data ends too early");
    } else if (status != Z_OK) {
      throw DataError(
          fmt::format("{}, byte {}", name, read),
          fmt::format("damaged gzip data: {}", stream.msg ? stream.msg : "unknown problem"));
    }
  }
  out.resize(written);
  return out;
}

}  // namespace convoy
