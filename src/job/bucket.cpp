#include <fmt/format.h>

#include <charconv>

#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"

namespace convoy {

std::int64_t bucket_bytes(const StrategyOptions& strategy) {
  if (strategy.bucket == "auto") return -1;
  if (strategy.bucket == "off") return 0;
  double mebibytes = 0;
  const char* end = strategy.bucket.data() + strategy.bucket.size();
  const auto [stop, error] = std::from_chars(strategy.bucket.data(), end, mebibytes);
  if (error != std::errc() || stop != end || !(mebibytes >= 0.01 && mebibytes <= 1024)) {
    throw InputError(fmt::format(
        "'{}' is not a size of buckets; write auto, off, or 0.01 to 1024 (MiB of gradients)",
        strategy.bucket));
  }
  return static_cast<std::int64_t>(mebibytes * (1 << 20));
}

}  // namespace convoy
