#pragma once
// Reads batches ahead of a replica on a thread of its own.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "convoy/data/dataset.hpp"

namespace convoy {

/// Owns one background thread. `next` hands out batches in the order in which `read` gave them.
/// Used by one consumer thread; destruction stops the reading at the next batch boundary.
class Prefetcher {
 public:
  /// Reads the next batch; nothing at the end. Called on the background thread only.
  using Read = std::function<std::optional<Batch>()>;

  /// Keeps up to `depth` batches ready (>= 1).
  Prefetcher(Read read, std::size_t depth);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Waits for the next batch. Rethrows what reading it threw; throws std::out_of_range past the
  /// end.
  Batch next();

 private:
  void read_ahead();
  bool put(Batch batch);

  Read read_;
  std::size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  bool ended_ = false;
  bool stopping_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace convoy
