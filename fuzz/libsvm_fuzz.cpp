// Any text is either a dense array of finite numbers with a label a row, or an InputError of one
// line; where bad lines are tolerated, their rows are zeros without a label.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "convoy/core/error.hpp"
#include "data/formats/libsvm.hpp"
#include "table_checks.hpp"

namespace {

void check(const convoy::LibsvmSamples& samples) {
  const auto rows = static_cast<std::size_t>(samples.features.rows());
  const auto width = static_cast<std::size_t>(samples.features.shape.at(1));
  std::vector<float> values(rows * width);
  require(samples.labels.size() == rows && width > 0);
  require(samples.features.bytes.size() == values.size() * sizeof(float));
  std::memcpy(values.data(), samples.features.bytes.data(), samples.features.bytes.size());
  for (const float x : values) require(std::isfinite(x));
  for (const double x : samples.labels) require(!std::isinf(x));
  std::int64_t last = -1;
  for (const convoy::BadRow& bad : samples.bad) {
    require(bad.row > last && bad.row < samples.features.rows());
    require(bad.problem.find('\n') == std::string::npos && convoy::is_utf8(bad.problem));
    last = bad.row;
    const auto row = static_cast<std::size_t>(bad.row);
    require(std::isnan(samples.labels[row]));
    for (std::size_t i = 0; i < width; ++i) require(values[row * width + i] == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses the options.
  convoy::LibsvmOptions options;
  options.most_bytes = std::size_t{1} << 20;
  options.tolerant = input[0] % 2;
  options.label_optional = input[0] / 2 % 2;
  options.width = input[0] / 4 % 2 ? 7 : 0;
  const std::string_view text(reinterpret_cast<const char*>(input) + 1, size - 1);
  (void)convoy::is_libsvm(text);
  try {
    const convoy::LibsvmSamples samples = convoy::parse_libsvm(text, "input", options);
    require(options.tolerant || samples.bad.empty());
    check(samples);
  } catch (const convoy::InputError& error) {
    const std::string_view message = error.what();
    require(message.find('\n') == message.npos && convoy::is_utf8(message));
  }
  return 0;
}
