#include "data/formats/zstd.hpp"

#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr int largest_window_log = 27;  // what `zstd` itself unpacks without being told to

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

std::unique_ptr<ZSTD_DCtx, FreeContext> start_zstd() {
  std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (!context ||
      ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, largest_window_log)))
    throw IoError("cannot start zstd");
  return context;
}

std::string zstd_problem(std::size_t code) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_prefix_unknown:
      return "what follows the zstd data is not zstd";
    case ZSTD_error_frameParameter_windowTooLarge:
      return "needs a window of more than 128 MiB; unpack it first (zstd -d --long=31)";
    default:
      return fmt::format("damaged zstd data: {}", ZSTD_getErrorName(code));
  }
}

}  // namespace

bool is_zstd(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0x28} && bytes[1] == std::byte{0xb5} &&
         bytes[2] == std::byte{0x2f} && bytes[3] == std::byte{0xfd};
}

std::vector<std::byte> unpack_zstd(std::span<const std::byte> bytes, const std::string& name,
                                   std::size_t limit) {
  const auto context = start_zstd();
  std::vector<std::byte> out(std::min(limit, std::max<std::size_t>(4096, bytes.size() * 4)));
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  std::size_t written = 0;
  std::size_t wanted = 1;  // 0 at the end of a frame
  while (input.pos < input.size || wanted != 0) {
    const std::size_t read = input.pos;
    ZSTD_outBuffer output{out.data(), out.size(), written};
    wanted = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(wanted))
      throw DataError(fmt::format("{}, byte {}", name, input.pos), zstd_problem(wanted));
    if (wanted == 0 || input.pos > read || output.pos > written) {
      written = output.pos;
    } else if (written < out.size()) {
      throw DataError(fmt::format("{}, byte {}", name, input.pos),
                      "truncated: the zstd data ends too early");
    } else if (written >= limit) {
      throw DataError(name, fmt::format("unpacks to more than {} bytes; unpack it first", limit));
    } else {
      out.resize(std::min(limit, out.size() * 2));
    }
  }
  out.resize(written);
  return out;
}

}  // namespace convoy
