// A rendezvous that goes away and comes back, with its journal.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "comm/rendezvous/rendezvous_store.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"
#include "core/temporary_folder.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_store_recovery_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class StoreRecovery : public ::testing::Test {
 protected:
  void start(const Secret& with = secret) {
    server_ = std::make_unique<RendezvousServer>(
        RendezvousServerOptions{"127.0.0.1", port_, with, {}, folder_.path() / "journal"});
    if (port_ == 0) port_ = server_->port();
  }
  void stop() { server_.reset(); }
  std::unique_ptr<RendezvousStore> open(Store::Duration patience = 30s) const {
    return std::make_unique<RendezvousStore>(Endpoint{"127.0.0.1", port_}, secret, patience);
  }

  const TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<RendezvousServer> server_;
};

TEST_F(StoreRecovery, CallsUnderWayGoOn) {
  start();
  const auto store = open();
  auto waiting = std::async(std::launch::async, [&] { return store->get("late", 30s); });
  std::atomic<int> acknowledged{0};
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; !enough; ++n, ++acknowledged) {
        store->set(fmt::format("{}/{}", i, n), std::to_string(n));
        EXPECT_EQ(store->get_if_present(fmt::format("{}/{}", i, n / 2)), std::to_string(n / 2));
      }
    });
  }
  for (int restart = 0; restart < 5; ++restart) {
    for (const int before = acknowledged; acknowledged < before + 20;) std::this_thread::yield();
    stop();
    start();
  }
  enough = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(store->list("").size(), static_cast<std::size_t>(acknowledged));
  open()->set("late", "here");
  EXPECT_EQ(waiting.get(), "here");
}

TEST_F(StoreRecovery, ItMayStartLater) {
  start();
  stop();
  auto store = std::async(std::launch::async, [&] { return open(); });
  std::this_thread::sleep_for(20ms);
  start();
  store.get()->set("key", "value");
}

TEST_F(StoreRecovery, PatienceEnds) {
  start();
  const auto store = open(100ms);
  auto waiting = std::async(std::launch::async, [&] { return store->get("never", 600s); });
  stop();
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(message_of<PeerError>([&] { store->set("key", "value"); }),
                HasSubstr("for more than 0.1 s: Connection refused"));
  EXPECT_THROW(waiting.get(), PeerError);
  start();
  EXPECT_THROW(store->list(""), PeerError) << "it is final";
  stop();
  EXPECT_THAT(message_of<TimeoutError>([&] { open(50ms); }), HasSubstr("no rendezvous at"));
}

TEST_F(StoreRecovery, GetKeepsItsTimeWhileTheServerIsAway) {
  start();
  const auto store = open(600s);
  stop();
  EXPECT_THROW(store->get("key", 50ms), TimeoutError);
  start();
  store->set("key", "value");
  EXPECT_EQ(store->get("key", 0ms), "value");
}

TEST_F(StoreRecovery, AnotherSecretIsFinal) {
  start();
  const auto store = open(600s);
  stop();
  start(other_secret);
  for (int i = 0; i < 2; ++i) EXPECT_THROW(store->set("key", "value"), AuthenticationError);
  EXPECT_THROW(open(600s), AuthenticationError);
}

TEST_F(StoreRecovery, InterruptEndsTheWaitForTheServer) {
  start();
  const auto store = open(600s);
  stop();
  auto setting = std::async(std::launch::async, [&] { store->set("key", "value"); });
  EXPECT_EQ(setting.wait_for(30ms), std::future_status::timeout);
  store->interrupt();
  EXPECT_THROW(setting.get(), PeerError);
}

}  // namespace comm_store_recovery_test
}  // namespace convoy
