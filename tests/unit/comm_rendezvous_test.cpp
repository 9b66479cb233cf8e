// The rendezvous over real sockets.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "comm/rendezvous/server_connection.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_rendezvous_test {

using namespace std::chrono_literals;
using rendezvous::BodyWriter;
using rendezvous::Opener;
using rendezvous::Operation;
using rendezvous::ProtocolError;
using rendezvous::Sealer;
using rendezvous::ServerConnection;
using rendezvous::Table;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A server and what it logged.
struct Hub {
  explicit Hub(std::uint16_t port = 0, const std::string& bind = "127.0.0.1")
      : server({bind, port, secret, [this](const std::string& line) {
                  const std::lock_guard lock(mutex);
                  log += line + "\n";
                }}) {}
  std::unique_ptr<RendezvousClient> client(RendezvousClient::Duration timeout = 20s) const {
    return std::make_unique<RendezvousClient>("127.0.0.1", server.port(), secret, timeout);
  }
  std::string logged() {
    const std::lock_guard lock(mutex);
    return log;
  }
  std::mutex mutex;
  std::string log;
  RendezvousServer server;
};

TEST(Rendezvous, Operations) {
  const Hub hub;
  const auto a = hub.client(), b = hub.client();
  a->set("key", std::string("va\0lue", 6));
  EXPECT_EQ(b->get("key"), std::string("va\0lue", 6));
  EXPECT_EQ(b->get_if_present("none"), std::nullopt);
  EXPECT_EQ(a->add("number", 5), 5);
  EXPECT_EQ(b->add("number", -7), -2);
  EXPECT_EQ(b->get("number"), "-2");
  EXPECT_THAT(message_of<Error>([&] { a->add("key", 1); }), HasSubstr("no number"));
  EXPECT_EQ(a->compare_set("first", "", "a"), "a");
  EXPECT_EQ(b->compare_set("first", "", "b"), "a");
  EXPECT_EQ(b->compare_set("first", "a", "b"), "b");
  EXPECT_TRUE(a->check({"key", "number"}));
  EXPECT_FALSE(a->check({"key", "none"}));
  EXPECT_EQ(a->count(), 3);
  EXPECT_TRUE(a->delete_key("key"));
  EXPECT_FALSE(a->delete_key("key"));
  a->wait({"number", "first"}, 1s);
  EXPECT_EQ(a->local_address(), "127.0.0.1");
  EXPECT_THROW(a->set("", "x"), InputError);
  EXPECT_THROW(a->set(std::string(5000, 'k'), "x"), InputError);
}

TEST(Rendezvous, LargeValues) {
  const Hub hub;
  const auto client = hub.client();
  std::string value(std::size_t{64} << 20, 'x');
  value[12345] = 'y';
  client->set("large", value);
  EXPECT_TRUE(hub.client()->get("large") == value);
  value += 'z';
  EXPECT_THROW(client->set("larger", value), InputError);
}

TEST(Rendezvous, WaitsEndWithTheValueOrInTime) {
  const Hub hub;
  const auto waiter = hub.client(), setter = hub.client();
  auto value = std::async(std::launch::async, [&] { return waiter->get("late", 20s); });
  auto both = std::async(std::launch::async, [&] { waiter->wait({"late", "later"}, 20s); });
  EXPECT_EQ(value.wait_for(50ms), std::future_status::timeout);
  // The same connection serves others meanwhile.
  const auto start = std::chrono::steady_clock::now();
  waiter->set("more", "1");
  EXPECT_EQ(waiter->get("more"), "1");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
  setter->set("late", "here");
  EXPECT_EQ(value.get(), "here");
  setter->set("later", "");
  both.get();
  EXPECT_THAT(message_of<TimeoutError>([&] { waiter->get("never", 50ms); }),
              HasSubstr("nobody set 'never' within 0.05 s"));
  EXPECT_THAT(message_of<TimeoutError>([&] {
                waiter->wait({"late", "never"}, 50ms);
              }),
              HasSubstr("'never'"));
}

TEST(Rendezvous, ManyThreadsOnOneClient) {
  const Hub hub;
  const auto client = hub.client();
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 50; ++round) {
        const std::string tag = std::to_string(round) + "/";
        client->set(tag + std::to_string(i), std::to_string(i * round));
        EXPECT_EQ(client->get(tag + std::to_string((i + 1) % 16)),
                  std::to_string((i + 1) % 16 * round));
        client->add("sum", 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(client->get("sum"), "800");
}

TEST(Rendezvous, BarriersOfManyClientsCanBeRepeated) {
  const Hub hub;
  std::atomic<int> came{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&] {
      const auto client = hub.client();
      for (int round = 1; round <= 5; ++round) {
        ++came;
        client->barrier("b", 12, 20s);
        EXPECT_GE(came, 12 * round);
        client->barrier("c", 12, 20s);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(message_of<TimeoutError>([&] { hub.client()->barrier("b", 12, 30ms); }),
              HasSubstr("1 of 12 came"));
}

TEST(Rendezvous, AWrongSecretIsRefusedAndLogged) {
  Hub hub;
  const auto member = hub.client();
  const std::string text = message_of<AuthenticationError>(
      [&] { const RendezvousClient client("127.0.0.1", hub.server.port(), other_secret, 20s); });
  EXPECT_THAT(text, AllOf(HasSubstr("refused us: this worker's secret differs"),
                          Not(HasSubstr(other_secret.text()))));
  for (int i = 0; i < 50; ++i)
    EXPECT_THROW(RendezvousClient("127.0.0.1", hub.server.port(), other_secret, 20s),
                 AuthenticationError);
  member->set("still", "here");
  const std::string log = hub.logged();
  EXPECT_THAT(log, HasSubstr("refused a connection from 127.0.0.1: wrong secret"));
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 30);
}

TEST(Rendezvous, TheServerMayStartLater) {
  std::uint16_t port = 0;
  { port = Hub().server.port(); }
  auto client = std::async(std::launch::async, [&] {
    return RendezvousClient("127.0.0.1", port, secret, 20s).add("n", 1);
  });
  std::this_thread::sleep_for(100ms);
  const Hub hub(port);
  EXPECT_EQ(client.get(), 1);
}

TEST(Rendezvous, NobodyThere) {
  std::uint16_t port = 0;
  { port = Hub().server.port(); }
  EXPECT_THAT(message_of<TimeoutError>(
                  [&] { const RendezvousClient client("127.0.0.1", port, secret, 200ms); }),
              HasSubstr("within 0.2 s: Connection refused"));
  EXPECT_THROW(RendezvousClient("no-such-host.invalid", port, secret, 200ms), TimeoutError);
  const Hub hub;
  try {
    const Hub second(hub.server.port());
    ADD_FAILURE() << "two servers at one port";
  } catch (const ListenError& error) {
    EXPECT_EQ(error.code(), EADDRINUSE);
  }
}

TEST(Rendezvous, LosingTheServerEndsEveryCall) {
  auto hub = std::make_unique<Hub>();
  const auto client = hub->client();
  auto value = std::async(std::launch::async, [&] { client->get("never", 60s); });
  std::this_thread::sleep_for(50ms);
  hub.reset();
  EXPECT_THROW(value.get(), PeerError);
  EXPECT_THAT(message_of<PeerError>([&] { client->set("key", "value"); }), HasSubstr("lost the"));
}

TEST(Rendezvous, InterruptEndsEveryCall) {
  const Hub hub;
  const auto client = hub.client();
  auto value = std::async(std::launch::async, [&] { client->get("never", 60s); });
  std::this_thread::sleep_for(50ms);
  client->interrupt();
  EXPECT_THROW(value.get(), PeerError);
}

TEST(Rendezvous, AWillIsCarriedOutWhenItsClientGoes) {
  const Hub hub;
  const auto watcher = hub.client();
  auto goes = hub.client();
  goes->last_will("gone", "client 1");
  goes.reset();
  EXPECT_EQ(watcher->get("gone", 20s), "client 1");
  goes = hub.client();
  goes->last_will("gone again", "client 2");
  goes->last_will("", "");
  goes.reset();
  EXPECT_THROW(watcher->get("gone again", 100ms), TimeoutError);
}

int stranger(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    ADD_FAILURE() << "cannot connect";
  return fd;
}

bool closed_within(int fd, int milliseconds) {
  pollfd entry{fd, POLLRDHUP, 0};
  return ::poll(&entry, 1, milliseconds) == 1;
}

TEST(Rendezvous, StrangersDisturbNobody) {
  Hub hub;
  const auto member = hub.client();
  std::vector<int> strangers;
  for (int i = 0; i < 200; ++i) {
    strangers.push_back(stranger(hub.server.port()));
    const std::string said = i % 3 == 0   ? ""
                             : i % 3 == 1 ? "\xff\xfe garbage"
                                          : std::string(rendezvous::magic) + "half";
    ::send(strangers.back(), said.data(), said.size(), MSG_NOSIGNAL);
    if (i % 20 == 0) member->add("n", 1);
  }
  EXPECT_TRUE(closed_within(strangers[0], 2000)) << "the oldest leave room for others";
  EXPECT_FALSE(closed_within(strangers[198], 0));
  EXPECT_EQ(hub.client()->add("n", 1), 11);
  EXPECT_TRUE(closed_within(strangers[198], 8000)) << "who says nothing is dropped";
  EXPECT_EQ(member->add("n", 1), 12);
  for (const int fd : strangers) ::close(fd);
}

TEST(Rendezvous, AnotherServiceIsToldApart) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof(address);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::thread service([&] {
    const int fd = ::accept(listener, nullptr, nullptr);
    ::send(fd, "220 mail ready\r\n", 16, MSG_NOSIGNAL);
    closed_within(fd, 5000);
    ::close(fd);
  });
  EXPECT_THAT(message_of<AuthenticationError>([&] {
                const RendezvousClient client("127.0.0.1", ntohs(address.sin_port), secret, 5s);
              }),
              HasSubstr("no rendezvous of this version"));
  service.join();
  ::close(listener);
}

TEST(Rendezvous, OverIpv6) {
  std::unique_ptr<Hub> hub;
  try {
    hub = std::make_unique<Hub>(0, "::1");
  } catch (const ListenError&) {
    GTEST_SKIP() << "no IPv6 here";
  }
  RendezvousClient client("::1", hub->server.port(), secret, 10s);
  EXPECT_EQ(client.add("n", 1), 1);
  EXPECT_EQ(client.local_address(), "::1");
}

}  // namespace comm_rendezvous_test
}  // namespace convoy
