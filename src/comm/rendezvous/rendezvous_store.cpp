#include "comm/rendezvous/rendezvous_store.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "comm/rendezvous/connection.hpp"
#include "comm/rendezvous/derived_key.hpp"
#include "comm/rendezvous/store_limits.hpp"

namespace convoy {
namespace {

using namespace rendezvous;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds first_pause{10};
constexpr milliseconds longest_pause{500};

}  // namespace

// A thread of its own connects anew, so that a caller whose time is up need not wait for it. It
// lives as long as that takes.
struct RendezvousStore::Impl {
  Impl(const Endpoint& at, const Secret& shared, Duration chosen)
      : server(at),
        address(to_string(at)),
        secret(shared),
        patience(store_limits::bounded(chosen)) {
    const Moment deadline = Clock::now() + patience;
    std::string problem;
    for (milliseconds pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
      if (auto connection = try_connect(server, secret, deadline, problem)) {
        client = adopt(std::move(*connection));
        break;
      }
      if (Clock::now() + pause >= deadline) throw no_rendezvous(server, patience, problem);
      std::this_thread::sleep_for(pause);
    }
    local_address = client->local_address();
  }

  ~Impl() {
    interrupt();
    if (connecting.joinable()) connecting.join();
  }

  std::shared_ptr<RendezvousClient> adopt(Connection connection) const {
    return std::shared_ptr<RendezvousClient>(
        new RendezvousClient(std::move(connection), server, secret, patience));
  }

  // Calls `operation` with a client until one serves it.
  template <class F>
  auto call(const F& operation) {
    for (;;) {
      const auto current = connected(Moment::max());
      try {
        return operation(*current);
      } catch (const TimeoutError& error) {  // all of our patience is used up already
        lose(current, error.what(), std::min<Duration>(patience, answer_patience));
      } catch (const PeerError& error) {
        lose(current, error.what(), patience);
      }
    }
  }

  // Null when it is not connected by then.
  std::shared_ptr<RendezvousClient> connected(Moment deadline) {
    std::unique_lock lock(mutex);
    const auto settled = [&] { return client != nullptr || failure != nullptr; };
    if (deadline == Moment::max())
      changed.wait(lock, settled);
    else
      changed.wait_until(lock, deadline, settled);
    if (failure != nullptr) std::rethrow_exception(failure);
    return client;
  }

  // Several calls may find that the same client is lost.
  void lose(const std::shared_ptr<RendezvousClient>& lost, const std::string& why, Duration left) {
    const std::lock_guard lock(mutex);
    if (client != lost || failure != nullptr) return;
    // A server that does not answer has a connection still: other calls must not wait for it.
    client->interrupt();
    client = nullptr;
    if (connecting.joinable()) connecting.join();  // it has done its work: we had a client
    // Signals are for the threads that called us.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    connecting = std::thread([=, this] { connect_again(why, left); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void connect_again(std::string problem, Duration left) {
    const Moment deadline = Clock::now() + left;
    milliseconds pause = first_pause;
    std::shared_ptr<RendezvousClient> found;
    std::exception_ptr error;
    while (found == nullptr && error == nullptr) {
      try {
        if (auto connection = try_connect(server, secret, {deadline, &stop}, problem)) {
          found = adopt(std::move(*connection));
          break;
        }
      } catch (...) {
        error = std::current_exception();
      }
      if (error == nullptr && Clock::now() + pause >= deadline)
        error = std::make_exception_ptr(PeerError(
            -1, fmt::format("lost the rendezvous at {} for more than {:.3g} s: {}", address,
                            std::chrono::duration<double>(patience).count(), problem)));
      std::unique_lock lock(mutex);
      if (error == nullptr && changed.wait_for(lock, pause, [&] { return stop.load(); })) return;
      pause = std::min(2 * pause, longest_pause);
    }
    const std::lock_guard lock(mutex);
    if (failure != nullptr) return;
    client = found;
    failure = error;
    changed.notify_all();
  }

  void interrupt() {
    const std::lock_guard lock(mutex);
    stop = true;
    if (failure == nullptr)
      failure = std::make_exception_ptr(
          PeerError(-1, fmt::format("rendezvous {}: interrupted", address)));
    if (client != nullptr) client->interrupt();
    changed.notify_all();
  }

  const Endpoint server;
  const std::string address;
  const Secret secret;
  const Duration patience;
  std::string local_address;
  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<RendezvousClient> client;  // null while there is no connection
  std::exception_ptr failure;                // final
  std::atomic<bool> stop{false};
  std::thread connecting;
};

RendezvousStore::RendezvousStore(const Endpoint& server, const Secret& secret, Duration patience)
    : impl_(std::make_unique<Impl>(server, secret, patience)) {}
RendezvousStore::~RendezvousStore() = default;

void RendezvousStore::set(const std::string& key, const std::string& value) {
  impl_->call([&](RendezvousClient& client) { client.set(key, value); });
}

std::string RendezvousStore::get(const std::string& key, Duration timeout) {
  const Moment deadline = Clock::now() + store_limits::bounded(timeout);
  while (const auto client = impl_->connected(deadline)) {
    try {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      if (auto value = client->get_within(key, std::max(left, milliseconds(0))))
        return std::move(*value);
      break;
    } catch (const PeerError& error) {
      impl_->lose(client, error.what(), impl_->patience);
    }
  }
  throw TimeoutError(-1, fmt::format("rendezvous {}: nobody set '{}' within {:.3g} s", address(),
                                     key, std::chrono::duration<double>(timeout).count()));
}

std::optional<std::string> RendezvousStore::get_if_present(const std::string& key) {
  return impl_->call([&](RendezvousClient& client) { return client.get_if_present(key); });
}

std::string RendezvousStore::compare_set(const std::string& key, const std::string& expected,
                                         const std::string& desired) {
  return impl_->call(
      [&](RendezvousClient& client) { return client.compare_set(key, expected, desired); });
}

std::map<std::string, std::string> RendezvousStore::list(const std::string& prefix) {
  return impl_->call([&](RendezvousClient& client) { return client.list(prefix); });
}

bool RendezvousStore::delete_key(const std::string& key) {
  return impl_->call([&](RendezvousClient& client) { return client.delete_key(key); });
}

const std::string& RendezvousStore::local_address() const {
  return impl_->local_address;
}

const std::string& RendezvousStore::address() const {
  return impl_->address;
}

std::string RendezvousStore::derived_key(std::string_view purpose) const {
  return derive_key(impl_->secret, purpose);
}

void RendezvousStore::interrupt() {
  impl_->interrupt();
}

}  // namespace convoy
