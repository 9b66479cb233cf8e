#pragma once
// What workers tell each other about their data, as bytes: numbers as this machine has them (the
// workers of a group run the same program on the same kind of machine), texts with their length.
#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "convoy/core/error.hpp"

namespace convoy {

class MessageWriter {
 public:
  void count(std::size_t n) { append(static_cast<std::uint64_t>(n)); }
  void number(double x) { append(x); }
  void text(std::string_view text) {
    count(text.size());
    bytes_ += text;
  }
  std::string take() { return std::move(bytes_); }

 private:
  template <typename T>
  void append(T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof value);
  }

  std::string bytes_;
};

/// Reads in the order written. Throws InputError naming the worker when the bytes are too few.
class MessageReader {
 public:
  MessageReader(std::string_view bytes, std::size_t worker) : bytes_(bytes), worker_(worker) {}

  /// A number of things that take at least `size` bytes each.
  std::size_t count(std::size_t size) {
    const auto n = get<std::uint64_t>();
    if (size > 0 && n > bytes_.size() / size) fail();
    return static_cast<std::size_t>(n);
  }
  double number() { return get<double>(); }
  std::string text() {
    const std::size_t size = count(1);
    const std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  void expect_end() const {
    if (!bytes_.empty()) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw InputError(fmt::format(
        "worker {} sent something else than expected about its data; all workers need the same "
        "job and the same build of convoy",
        worker_));
  }
  template <typename T>
  T get() {
    if (bytes_.size() < sizeof(T)) fail();
    T value;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_.remove_prefix(sizeof(T));
    return value;
  }

  std::string_view bytes_;
  std::size_t worker_;
};

}  // namespace convoy
