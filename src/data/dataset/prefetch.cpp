#include "convoy/data/dataset/prefetch.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

// Handing a batch from thread to thread takes about half as long.
constexpr std::chrono::microseconds slow{20};
// Four slow reads in a row, or more than one in five, begin to read ahead; fast ones end it.
constexpr int slow_counts = 4;
constexpr int slow_enough = 16;
constexpr int slowest = 64;

}  // namespace

Prefetcher::Prefetcher(Read read, std::size_t depth) : read_(std::move(read)), depth_(depth) {}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<Batch> Prefetcher::timed_read() {
  const auto begin = Clock::now();
  std::optional<Batch> batch = read_();
  slowness_ = Clock::now() - begin > slow ? std::min(slowest, slowness_ + slow_counts)
                                          : std::max(0, slowness_ - 1);
  return batch;
}

Batch Prefetcher::read_now() {
  std::optional<Batch> batch = timed_read();
  if (!batch) throw std::out_of_range("no batch is left");
  if (slowness_ >= slow_enough) thread_ = std::thread([this] { read_ahead(); });
  return *std::move(batch);
}

Batch Prefetcher::next() {
  if (!thread_.joinable()) return read_now();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || ended_ || handed_back_; });
  if (ready_.empty() && handed_back_) {
    handed_back_ = false;
    lock.unlock();
    thread_.join();
    return read_now();
  }
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
  bool goes_on = true;
  try {
    while (slowness_ > 0 && goes_on) {
      auto batch = timed_read();
      goes_on = batch && put(*std::move(batch));
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    goes_on = false;
  }
  {
    const std::lock_guard lock(mutex_);
    (goes_on ? handed_back_ : ended_) = true;
  }
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
