#pragma once
// What the tests of data share: a directory of their own, and errors as text.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "convoy/core/error.hpp"
#include "core/temporary_folder.hpp"

namespace convoy::test {

/// A directory that is removed with its contents.
class Directory : public TemporaryFolder {
 public:
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::ofstream(path() / name, std::ios::binary) << content;
    return path() / name;
  }
};

/// The message of the InputError (or DataError) that `action` throws; "no error" without one.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// A string from its bytes, NULs included.
template <std::size_t n>
std::string bytes(const char (&text)[n]) {
  return std::string(text, n - 1);
}

/// An IDX file of bytes.
inline std::string idx_u8(std::vector<std::uint32_t> shape, const std::string& content) {
  std::string out = bytes("\0\0\x08");
  out += static_cast<char>(shape.size());
  for (const std::uint32_t dimension : shape) {
    for (int shift = 24; shift >= 0; shift -= 8)
      out += static_cast<char>(dimension >> shift & 0xff);
  }
  return out + content;
}

}  // namespace convoy::test
