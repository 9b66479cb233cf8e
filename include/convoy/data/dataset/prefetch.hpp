#pragma once
// Reads batches ahead of a replica on a thread of its own, where that is worth a thread.
#include <chrono>
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

#include "convoy/data/dataset/dataset.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// `next` hands out batches in the order in which `read` gave them. At first it reads them itself:
/// what comes out of memory in a few microseconds is there sooner than another thread could hand it
/// over. When several reads take longer, a background thread reads ahead, as long as that is so.
/// Used by one consumer thread; destruction stops the reading at the next batch boundary.
class Prefetcher {
 public:
  /// Reads the next batch; nothing at the end. Called by one thread at a time: the consumer or
  /// the background thread.
  using Read = std::function<std::optional<Batch>()>;

  /// Reading ahead, keeps up to `depth` batches ready (>= 1).
  Prefetcher(Read read, std::size_t depth);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Waits for the next batch. Rethrows what reading it threw; throws std::out_of_range past the
  /// end.
  Batch next();

 private:
  Batch read_now();
  std::optional<Batch> timed_read();
  void read_ahead();
  bool put(Batch batch);

  Read read_;
  std::size_t depth_;
  int slowness_ = 0;  // of the reads so far: of whoever reads
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> ready_;
  bool ended_ = false;
  bool handed_back_ = false;  // the background thread reads no more: the consumer does again
  bool stopping_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace convoy

#pragma GCC visibility pop
