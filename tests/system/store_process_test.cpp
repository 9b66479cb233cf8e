// The rendezvous as a process that is killed and comes back.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/core/error.hpp"
#include "launch/rendezvous_process.hpp"
#include "paths.hpp"
#include "system/process.hpp"

namespace convoy {
namespace store_process_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const Secret secret("the secret of a process");

class RendezvousProcessTest : public ::testing::Test {
 protected:
  RendezvousProcessOptions options(Endpoint listen = {"127.0.0.1", 0}) {
    return {convoy::testing::program_path(), std::move(listen), secret,
            [this](const std::string& line) { log_ += line + "\n"; }};
  }
  static std::unique_ptr<Store> open(const RendezvousProcess& process) {
    return open_store(to_string(process.endpoint()), secret, 60s);
  }
  // As the launcher's loop does.
  static void restart(RendezvousProcess& process) {
    while (!process.restart_if_dead()) {
      pollfd entry{process.descriptor(), POLLIN, 0};
      ::poll(&entry, 1, 50);
    }
  }

  std::string log_;
};

TEST_F(RendezvousProcessTest, KilledInTheMiddleOfItsWorkItForgetsNothing) {
  RendezvousProcess process(options());
  const Endpoint before = process.endpoint();
  const auto store = open(process), other = open(process);
  auto waiting = std::async(std::launch::async, [&] { return other->get("late", 60s); });
  std::atomic<int> acknowledged{0};
  std::atomic<bool> enough{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; !enough; ++n, ++acknowledged)
        store->set(fmt::format("{}/{}", i, n), fmt::format("value {}", n));
    });
  }
  for (int kill = 0; kill < 2; ++kill) {
    for (const int start = acknowledged; acknowledged < start + 200;)
      std::this_thread::sleep_for(1ms);
    const pid_t pid = process.pid();
    testing::send_signal(pid, SIGKILL);
    restart(process);
    EXPECT_NE(process.pid(), pid);
  }
  enough = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(to_string(process.endpoint()), to_string(before));
  EXPECT_FALSE(process.restart_if_dead());
  const auto keys = other->list("");
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(acknowledged));
  store->set("late", "here");
  EXPECT_EQ(waiting.get(), "here");
  EXPECT_THAT(log_, HasSubstr("killed by signal 9 (Killed); started anew"));
}

TEST_F(RendezvousProcessTest, ItsWordsAndItsEnd) {
  pid_t pid = 0;
  Endpoint at;
  {
    RendezvousProcess process(options());
    pid = process.pid();
    at = process.endpoint();
    EXPECT_THROW(open_store(to_string(at), Secret("not the secret at all"), 30s),
                 AuthenticationError);
    while (log_.empty()) {
      pollfd entry{process.descriptor(), POLLIN, 0};
      ::poll(&entry, 1, 1000);
      process.restart_if_dead();
    }
    EXPECT_THAT(log_, HasSubstr("refused a connection from 127.0.0.1: wrong secret"));
    try {
      const RendezvousProcess second(options(at));
      ADD_FAILURE() << "two at one port";
    } catch (const ListenError& error) {
      EXPECT_EQ(error.code(), EADDRINUSE);
    }
    testing::send_signal(pid, SIGINT);
    open(process)->set("ctrl-c", "is not for it");
    testing::send_signal(pid, SIGTERM);
    restart(process);
    EXPECT_THAT(log_, HasSubstr("it ended with status 0; started anew"));
    EXPECT_EQ(open(process)->get("ctrl-c", 0ms), "is not for it");
    pid = process.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1) << "it ends with the object";
  EXPECT_NO_THROW(RendezvousServer({"127.0.0.1", at.port, secret, {}}));
}

TEST_F(RendezvousProcessTest, AProgramThatCannotStart) {
  RendezvousProcessOptions wrong = options();
  wrong.program = "/nonexistent/convoy";
  EXPECT_THROW(RendezvousProcess{wrong}, IoError);
  wrong.program = "/bin/false";
  EXPECT_THROW(RendezvousProcess{wrong}, Error);
}

}  // namespace store_process_test
}  // namespace convoy
