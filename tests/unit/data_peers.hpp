#pragma once
// Workers made of threads, for tests of what workers do together.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "convoy/core/peers.hpp"

namespace convoy::test {

/// Where the threads exchange their messages. Counts the exchanges.
class Exchange {
 public:
  explicit Exchange(int size) : size_(size), messages_(static_cast<std::size_t>(size)) {}

  std::vector<std::string> all_gather(int rank, const std::string& mine) {
    std::unique_lock lock(mutex_);
    // Nobody begins the next exchange before all have taken the results of this one.
    changed_.wait(lock, [this] { return taken_ == 0; });
    messages_[static_cast<std::size_t>(rank)] = mine;
    bytes_ += mine.size();
    if (++given_ == size_) {
      ++count_;
      taken_ = size_;
      changed_.notify_all();
    }
    changed_.wait(lock, [this] { return taken_ > 0; });
    std::vector<std::string> all = messages_;
    if (--taken_ == 0) {
      given_ = 0;
      changed_.notify_all();
    }
    return all;
  }
  int count() const { return count_; }
  std::size_t bytes() const { return bytes_; }

 private:
  int size_;
  std::vector<std::string> messages_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int given_ = 0;
  int taken_ = 0;
  int count_ = 0;
  std::size_t bytes_ = 0;
};

class ThreadPeers final : public Peers {
 public:
  ThreadPeers(Exchange& exchange, int rank, int size)
      : exchange_(exchange), rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::vector<std::string> all_gather(const std::string& mine) override {
    return exchange_.all_gather(rank_, mine);
  }

 private:
  Exchange& exchange_;
  int rank_;
  int size_;
};

/// Runs `work(peers)` in a thread for each of `size` workers; returns the number of exchanges. One
/// worker out of step would leave the others waiting: the test's time limit says so.
inline int run_workers(int size, const std::function<void(Peers&)>& work) {
  Exchange exchange(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadPeers peers(exchange, rank, size);
      work(peers);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return exchange.count();
}

}  // namespace convoy::test
