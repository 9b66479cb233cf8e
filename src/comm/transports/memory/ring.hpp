#pragma once
// A byte stream from one writer to one reader through shared memory.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace convoy {

/// The shared part of a ring; zero bytes are an empty ring. Counters only grow. They lie on cache
/// lines of their own, so that writer and reader do not take them from each other.
struct RingCounters {
  alignas(128) std::atomic<std::uint64_t> written;
  alignas(128) std::atomic<std::uint64_t> read;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// One end of a ring. Everything moves in multiples of `unit` bytes, so that a position is aligned.
class Ring {
 public:
  static constexpr std::size_t unit = 16;

  Ring() = default;
  /// `capacity` is a power of two.
  Ring(RingCounters& counters, std::byte* data, std::size_t capacity)
      : counters_(&counters), data_(data), capacity_(capacity) {}

  /// Bytes that may be written now. The writer's own counter is the caller's.
  std::size_t free_bytes() const {
    const std::uint64_t used = counters_->written.load(std::memory_order_relaxed) -
                               counters_->read.load(std::memory_order_acquire);
    return used > capacity_ ? 0 : capacity_ - static_cast<std::size_t>(used);
  }
  /// Bytes that may be read now. A peer that wrote nonsense into its counter yields no more than
  /// the capacity.
  std::size_t used_bytes() const {
    const std::uint64_t used = counters_->written.load(std::memory_order_acquire) -
                               counters_->read.load(std::memory_order_relaxed);
    return used > capacity_ ? capacity_ : static_cast<std::size_t>(used);
  }

  /// The place `ahead` bytes after the next one to write or read, and how far it goes on before
  /// the ring's end.
  std::byte* write_place(std::size_t ahead, std::size_t& contiguous) const {
    return place(counters_->written.load(std::memory_order_relaxed) + ahead, contiguous);
  }
  const std::byte* read_place(std::size_t ahead, std::size_t& contiguous) const {
    return place(counters_->read.load(std::memory_order_relaxed) + ahead, contiguous);
  }

  void publish(std::size_t bytes) const { advance(counters_->written, bytes); }
  void release(std::size_t bytes) const { advance(counters_->read, bytes); }

 private:
  std::byte* place(std::uint64_t position, std::size_t& contiguous) const {
    const std::size_t offset = static_cast<std::size_t>(position) & (capacity_ - 1);
    contiguous = capacity_ - offset;
    return data_ + offset;
  }
  static void advance(std::atomic<std::uint64_t>& counter, std::size_t bytes) {
    counter.store(counter.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
  }

  RingCounters* counters_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
};

}  // namespace convoy
