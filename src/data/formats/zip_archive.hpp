#pragma once
// The members of a zip archive in memory, read with libzip.
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct zip;

namespace convoy {

bool is_zip(std::span<const std::byte> bytes);

class ZipArchive {
 public:
  /// `bytes` must outlive this. Throws DataError when they are no zip archive.
  ZipArchive(std::span<const std::byte> bytes, std::string name);

  /// The members' names, in the order of the archive; one that has no name is "".
  const std::vector<std::string>& names() const { return names_; }

  /// The first member of that name, or `none`.
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t find(std::string_view name) const;

  /// A member's bytes, stored or deflated, whose checksum is right. Throws DataError; so too for
  /// one that claims to be larger than the archive can hold.
  std::vector<std::byte> read(std::size_t member) const;

 private:
  struct Discard {
    void operator()(zip* archive) const;
  };
  std::span<const std::byte> bytes_;
  std::string name_;
  std::unique_ptr<zip, Discard> archive_;
  std::vector<std::string> names_;
};

}  // namespace convoy
