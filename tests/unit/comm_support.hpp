#pragma once
// Groups of threads for tests.
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "convoy/comm/group.hpp"

namespace convoy::testing {

/// Runs `member` once for each communicator of a new group, in threads of their own; rethrows the
/// first exception.
inline void in_group(int size, const std::function<void(std::shared_ptr<Communicator>)>& member,
                     std::chrono::milliseconds timeout = std::chrono::seconds(60),
                     std::vector<int> hosts = {}) {
  auto group = make_thread_group(size, timeout, std::move(hosts));
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        member(group[rank]);
      } catch (...) {
        errors[rank] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace convoy::testing
