#include "convoy/data/prefetch.hpp"

#include <ATen/Parallel.h>

#include <stdexcept>
#include <utility>

namespace convoy {

Prefetcher::Prefetcher(Read read, std::size_t depth) : read_(std::move(read)), depth_(depth) {
  thread_ = std::thread([this] { read_ahead(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Batch Prefetcher::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || ended_; });
  if (ready_.empty()) {
    if (error_) std::rethrow_exception(error_);
    throw std::out_of_range("no batch is left");
  }
  Batch batch = std::move(ready_.front());
  ready_.pop_front();
  // Waking the reader for each batch would cost a switch of threads each; let it refill half the
  // queue at a time.
  const bool wake = ready_.size() <= depth_ / 2;
  lock.unlock();
  if (wake) changed_.notify_all();
  return batch;
}

void Prefetcher::read_ahead() {
  at::set_num_threads(1);
  try {
    while (auto batch = read_()) {
      if (!put(std::move(*batch))) return;
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool Prefetcher::put(Batch batch) {
  std::unique_lock lock(mutex_);
  if (ready_.size() >= depth_) {
    changed_.wait(lock, [this] { return stopping_ || ready_.size() <= depth_ / 2; });
  }
  if (stopping_) return false;
  ready_.push_back(std::move(batch));
  const bool was_empty = ready_.size() == 1;
  lock.unlock();
  if (was_empty) changed_.notify_all();
  return true;
}

}  // namespace convoy
