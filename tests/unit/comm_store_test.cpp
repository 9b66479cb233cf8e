// What every Store does, whoever serves it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/core/error.hpp"
#include "etcd_support.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_store_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Entries = std::map<std::string, std::string>;

class StoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (engine() == "etcd") {
      static EtcdServer etcd;  // one for all tests: they have jobs of their own in it
      static int tests = 0;
      url_ = fmt::format("{}/test {}", etcd.url(), ++tests);
    } else {
      server_.emplace(RendezvousServerOptions{"127.0.0.1", 0, secret, {}});
      url_ = fmt::format("127.0.0.1:{}", server_->port());
    }
  }

  std::unique_ptr<Store> open() const {
    if (engine() != "client") return open_store(url_, secret, 30s);
    return std::make_unique<RendezvousClient>("127.0.0.1", server_->port(), secret, 30s);
  }

  static std::string engine() { return GetParam(); }

  std::optional<RendezvousServer> server_;
  std::string url_;
};

INSTANTIATE_TEST_SUITE_P(Engines, StoreTest, ::testing::Values("client", "rendezvous", "etcd"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(StoreTest, KeepsBytes) {
  const auto a = open(), b = open();
  const std::string key("k\0\xff/\"", 5), value("\0\xffvalue\n", 8);
  EXPECT_EQ(b->get_if_present(key), std::nullopt);
  a->set(key, value);
  EXPECT_EQ(b->get_if_present(key), value);
  EXPECT_EQ(b->get(key, 0ms), value);
  b->set(key, "");
  EXPECT_EQ(a->get_if_present(key), "");
  EXPECT_TRUE(a->delete_key(key));
  EXPECT_FALSE(b->delete_key(key));
  EXPECT_EQ(b->get_if_present(key), std::nullopt);
  const std::string long_key(4096, 'k');
  a->set(long_key, "value");
  EXPECT_EQ(b->get(long_key, 1s), "value");
}

TEST_P(StoreTest, GetWaitsForTheKey) {
  const auto waiter = open(), setter = open();
  auto value = std::async(std::launch::async, [&] { return waiter->get("late", 30s); });
  EXPECT_EQ(value.wait_for(50ms), std::future_status::timeout);
  waiter->set("meanwhile", "served");
  setter->set("later", "another");
  setter->set("late", "here");
  EXPECT_EQ(value.get(), "here");
  EXPECT_THAT(message_of<TimeoutError>([&] { waiter->get("never", 50ms); }),
              HasSubstr("nobody set 'never' within 0.05 s"));
  EXPECT_THROW(waiter->get("never", 0ms), TimeoutError);
}

TEST_P(StoreTest, AKeyThatWasDeletedIsWaitedForAgain) {
  const auto store = open();
  store->set("key", "1");
  store->delete_key("key");
  auto value = std::async(std::launch::async, [&] { return store->get("key", 30s); });
  EXPECT_EQ(value.wait_for(30ms), std::future_status::timeout);
  store->set("key", "2");
  EXPECT_EQ(value.get(), "2");
}

TEST_P(StoreTest, CompareSet) {
  const auto a = open(), b = open();
  EXPECT_EQ(a->compare_set("key", "something", "a"), "");
  EXPECT_EQ(a->get_if_present("key"), std::nullopt);
  EXPECT_EQ(a->compare_set("key", "", "a"), "a");
  EXPECT_EQ(b->compare_set("key", "", "b"), "a");
  EXPECT_EQ(b->compare_set("key", "a", "b"), "b");
  EXPECT_EQ(a->get_if_present("key"), "b");
  b->set("key", "");
  EXPECT_EQ(a->compare_set("key", "", "c"), "c");
  EXPECT_EQ(a->compare_set("key", "c", "c"), "c");
}

TEST_P(StoreTest, OneThreadWinsEachRound) {
  constexpr int threads = 4, rounds = 10;
  std::vector<std::atomic<int>> winners(rounds);
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      const auto store = open();
      for (int round = 0; round < rounds; ++round) {
        const std::string mine = fmt::format("thread {}", i);
        const std::string key = fmt::format("round {}", round);
        if (store->compare_set(key, "", mine) == mine) ++winners[static_cast<std::size_t>(round)];
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  for (const auto& count : winners) EXPECT_EQ(count, 1);
}

TEST_P(StoreTest, ACounterByCompareSetLosesNothing) {
  constexpr int threads = 4, times = 10;
  const auto store = open();
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      for (int time = 0; time < times; ++time) {
        for (;;) {  // the value ends with who wrote it when
          const std::string now = store->get_if_present("counter").value_or("");
          const int count = now.empty() ? 0 : std::stoi(now);
          const std::string next = fmt::format("{} {} {}", count + 1, i, time);
          if (store->compare_set("counter", now, next) == next) break;
        }
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  EXPECT_EQ(std::stoi(store->get("counter", 0ms)), threads * times);
}

TEST_P(StoreTest, ListsByPrefix) {
  const auto store = open();
  EXPECT_EQ(store->list("worker/"), Entries());
  for (const char* key : {"worker/1", "worker/2", "worker/10", "worker", "workers", "~alive/1"})
    store->set(key, std::string("value of ") + key);
  store->set("\xff\xff", "last");
  EXPECT_EQ(store->list("worker/"), (Entries{{"worker/1", "value of worker/1"},
                                             {"worker/10", "value of worker/10"},
                                             {"worker/2", "value of worker/2"}}));
  EXPECT_EQ(store->list("\xff"), (Entries{{"\xff\xff", "last"}}));
  EXPECT_EQ(store->list("").size(), 7u);
  store->delete_key("worker/1");
  EXPECT_EQ(store->list("worker/1").size(), 1u);
}

TEST_P(StoreTest, LongValues) {
  const auto a = open(), b = open();
  std::string first(3'000'000, 'x'), second(2'000'001, 'y');
  first[1'500'000] = '\0';
  a->set("key", first);
  EXPECT_TRUE(b->get("key", 0ms) == first);
  EXPECT_TRUE(b->compare_set("key", "", second) == first);
  EXPECT_TRUE(b->compare_set("key", first, second) == second);
  EXPECT_TRUE(a->list("k").at("key") == second);
  auto late = std::async(std::launch::async, [&] { return a->get("late", 30s); });
  b->set("late", first);
  EXPECT_TRUE(late.get() == first);
  a->set("key", "short");
  EXPECT_EQ(b->get("key", 0ms), "short");
  EXPECT_TRUE(b->delete_key("late"));
  EXPECT_EQ(a->list(""), (Entries{{"key", "short"}}));
}

TEST_P(StoreTest, Limits) {
  const auto store = open();
  const std::string long_key(4097, 'k'), long_value((std::size_t{64} << 20) + 1, 'v');
  for (const std::string& key : {std::string(), long_key}) {
    EXPECT_THROW(store->set(key, ""), InputError);
    EXPECT_THROW(store->get(key, 0ms), InputError);
    EXPECT_THROW(store->get_if_present(key), InputError);
    EXPECT_THROW(store->compare_set(key, "", "x"), InputError);
    EXPECT_THROW(store->delete_key(key), InputError);
  }
  EXPECT_THROW(store->list(long_key), InputError);
  EXPECT_THROW(store->set("key", long_value), InputError);
  EXPECT_THROW(store->compare_set("key", "", long_value), InputError);
  EXPECT_EQ(store->list(""), Entries());
}

TEST_P(StoreTest, ManyThreadsShareIt) {
  constexpr int threads = 8, rounds = 5;
  const auto store = open();
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      for (int round = 0; round < rounds; ++round) {
        store->set(fmt::format("{}/{}", round, i), fmt::format("{}", i * round));
        const int other = (i + 1) % threads;
        EXPECT_EQ(store->get(fmt::format("{}/{}", round, other), 30s),
                  fmt::format("{}", other * round));
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  EXPECT_EQ(store->list("").size(), std::size_t{threads * rounds});
}

TEST_P(StoreTest, InterruptEndsEveryCall) {
  const auto store = open();
  std::vector<std::future<std::string>> waiting;
  for (int i = 0; i < 3; ++i)
    waiting.push_back(std::async(std::launch::async, [&] { return store->get("never", 600s); }));
  EXPECT_EQ(waiting[0].wait_for(50ms), std::future_status::timeout);
  store->interrupt();
  for (auto& value : waiting) EXPECT_THROW(value.get(), PeerError);
  EXPECT_THROW(store->set("key", "value"), PeerError);
  EXPECT_THROW(store->list(""), PeerError);
  EXPECT_EQ(open()->list(""), Entries()) << "others are not interrupted";
}

TEST_P(StoreTest, SaysWhereItIs) {
  const auto store = open();
  EXPECT_EQ(store->local_address(), "127.0.0.1");
  EXPECT_THAT(url_, ::testing::StartsWith(store->address()));
}

TEST(OpenStore, OtherTexts) {
  for (const char* url : {"", "etcd://", "etcd://host", "etcd://host:1,", "redis://host:1", "host"})
    EXPECT_THROW(open_store(url, secret, 1s), InputError) << url;
}

}  // namespace comm_store_test
}  // namespace convoy
