#pragma once
// Checksums: xxHash3 to detect corruption, SHA-256 as the digest people compare.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// XXH3, 64 bits, seed 0.
std::uint64_t xxh3(std::span<const std::byte> bytes);

/// XXH64, for hashes that are part of what a job means: https://github.com/Cyan4973/xxHash
std::uint64_t xxh64(std::span<const std::byte> bytes, std::uint64_t seed);

/// Incremental SHA-256 (FIPS 180-4). Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  /// Lower-case hex. The object cannot be used afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace convoy

#pragma GCC visibility pop
