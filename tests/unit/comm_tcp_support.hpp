#pragma once
// Groups of threads that talk over TCP.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "comm/transports/tcp/transport.hpp"
#include "convoy/comm/communicator.hpp"

namespace convoy::testing {

/// Gives every member the addresses of all, as a store would. `change` may tamper with what a
/// reader sees.
class AddressExchange {
 public:
  using Change = std::function<std::string(int reader, int owner, const std::string& address)>;
  explicit AddressExchange(
      int size, Change change = [](int, int, const std::string& address) { return address; })
      : addresses_(static_cast<std::size_t>(size)), change_(std::move(change)) {}

  std::vector<std::string> share(int rank, const std::string& address) {
    std::unique_lock lock(mutex_);
    addresses_[rank] = address;
    changed_.notify_all();
    changed_.wait(lock, [this] {
      return std::none_of(addresses_.begin(), addresses_.end(),
                          [](const std::string& one) { return one.empty(); });
    });
    std::vector<std::string> seen;
    for (int owner = 0; owner < static_cast<int>(addresses_.size()); ++owner)
      seen.push_back(change_(rank, owner, addresses_[owner]));
    return seen;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> addresses_;
  Change change_;
};

inline TcpOptions tcp_options(int rank, int size, AddressExchange& addresses) {
  TcpOptions options;
  options.rank = rank;
  options.size = size;
  options.group_key = std::string(32, 'k');
  options.timeout = std::chrono::seconds(20);
  options.share = [rank, &addresses](const std::string& address) {
    return addresses.share(rank, address);
  };
  return options;
}

/// Runs `member` for each rank in a thread of its own; returns what each threw.
inline std::vector<std::exception_ptr> in_threads(int size,
                                                  const std::function<void(int rank)>& member) {
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      try {
        member(rank);
      } catch (...) {
        thrown[rank] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

using Tweak = std::function<void(TcpOptions&)>;

/// As in_group (comm_support.hpp): each member has a communicator over tcp. Rethrows the first
/// exception.
inline void in_tcp_group(
    int size, const std::function<void(std::shared_ptr<Communicator>)>& member,
    const Tweak& tweak = [](TcpOptions&) {},
    std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
  AddressExchange addresses(size);
  const auto thrown = in_threads(size, [&](int rank) {
    TcpOptions options = tcp_options(rank, size, addresses);
    tweak(options);
    std::vector<int> hosts;
    for (int host = 0; host < size; ++host) hosts.push_back(host);
    member(std::make_shared<Communicator>(tcp_transport(options), rank, hosts, timeout));
  });
  for (const std::exception_ptr& one : thrown)
    if (one) std::rethrow_exception(one);
}

}  // namespace convoy::testing
