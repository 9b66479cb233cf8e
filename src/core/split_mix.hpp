#pragma once
#include <cstdint>

namespace convoy {

/// One step of SplitMix64 (Steele et al. 2014), for seeds and hashes.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// The generator that takes such steps one after the other. std's distributions differ by library;
/// what is made of its numbers is written out where it is used.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    const std::uint64_t value = mixed(state_);
    state_ += 0x9e3779b97f4a7c15U;
    return value;
  }

 private:
  std::uint64_t state_;
};

}  // namespace convoy
