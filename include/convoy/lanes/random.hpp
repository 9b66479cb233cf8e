#pragma once
// Random numbers that depend on (seed, what, where) alone: not on threads, replicas or the order of
// calls.
#include <ATen/core/Generator.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cstdint>
#include <string_view>

#pragma GCC visibility push(default)

namespace convoy {

/// What a stream of random numbers is for. Streams of different purposes are independent.
enum class RandomPurpose : std::uint64_t {
  order = 1,
  forward = 2,
  initialise = 3,
  infer = 4,
  exchange = 5,
  partition = 6,
  augment = 7
};

/// A 64-bit seed from the job's seed, a purpose and up to two coordinates (SplitMix64 finaliser
/// over each, Steele et al. 2014). Equal arguments, equal result, on every machine.
std::uint64_t derive_seed(std::uint64_t seed, RandomPurpose purpose, std::uint64_t a = 0,
                          std::uint64_t b = 0);

/// While alive, every random operation of libtorch on the CPU that this thread calls without a
/// generator of its own (dropout in users' modules, randn, init functions, ...; in backward passes
/// too) draws from a generator seeded with `seed` instead of libtorch's global one. Threads without
/// such an object are untouched. Nests.
///
/// How: libtorch's dispatcher runs a kernel of ours first on threads that include a mode key; it
/// fills in the missing generator and passes the call on. Registered for every operator whose
/// schema has a `Generator?` argument.
class LaneRandom {
 public:
  explicit LaneRandom(std::uint64_t seed);
  ~LaneRandom();
  LaneRandom(const LaneRandom&) = delete;
  LaneRandom& operator=(const LaneRandom&) = delete;
  /// Starts the stream of another seed, without the cost of a new object.
  void reseed(std::uint64_t seed);

 private:
  at::Generator generator_;
  const at::Generator* previous_;
  c10::impl::IncludeDispatchKeyGuard include_;
};

}  // namespace convoy

#pragma GCC visibility pop
