#pragma once
// Groups of threads for tests.
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "convoy/comm/group.hpp"

namespace convoy::testing {

/// Runs `member` once for each communicator of a new group, in threads of their own; rethrows the
/// first exception, which ends the group as the end of a process does.
inline void in_group(int size, const std::function<void(std::shared_ptr<Communicator>)>& member,
                     std::chrono::milliseconds timeout = std::chrono::seconds(60),
                     std::vector<int> hosts = {}) {
  auto group = make_thread_group(size, timeout, std::move(hosts));
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        member(group[rank]);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        for (const auto& communicator : group) communicator->abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace convoy::testing
