#pragma once
// How much of mapped files is kept in memory.
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <unordered_set>

namespace convoy {

/// Lets go of the pages of mapped files, so that no more than a limit of them is in this process's
/// memory: of all of them, each time that half of the limit has been used. (The system may map more
/// than was touched, so units by themselves cannot be told off.) Pages that are let go of stay in
/// the system's cache of files as long as it has room, from where those still in use come back at
/// once. Thread-safe.
class PageKeeper {
 public:
  /// What counts as used when a byte of it is.
  static constexpr std::uintptr_t unit_bytes = 256 << 10;

  /// 0: nothing is ever let go of.
  explicit PageKeeper(std::uint64_t limit) : limit_(limit) {}
  PageKeeper(const PageKeeper&) = delete;
  PageKeeper& operator=(const PageKeeper&) = delete;

  std::uint64_t limit() const { return limit_; }

  /// A read-only shared mapping of a file, whose pages come back when they are read again.
  void add(std::span<const std::byte> mapping);
  /// Before it is unmapped.
  void remove(std::span<const std::byte> mapping);

  /// These bytes of a mapping are about to be read.
  void use(std::span<const std::byte> bytes);

  /// Asks the system to read these bytes of a mapping into its cache, and does not wait.
  static void read_ahead(std::span<const std::byte> bytes);

 private:
  void let_go();

  std::uint64_t limit_;
  std::mutex mutex_;
  std::map<std::uintptr_t, std::uintptr_t> mappings_;  // end by begin, whole pages
  std::unordered_set<std::uintptr_t> used_;            // units, since all were let go of
};

}  // namespace convoy
