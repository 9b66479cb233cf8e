// Servers over ZeroMQ on loopback: who may connect, what is refused, and who takes over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"
#include "server/network_link.hpp"
#include "server/network_server.hpp"
#include "server/server_group.hpp"
#include "server_support.hpp"
#include "train_support.hpp"

namespace convoy::server {
namespace server_network_test {

using namespace std::chrono_literals;
using served::begin;
using served::of;
using served::push;
using served::Servers;
using served::Stranger;
using served::weight;
using ::testing::HasSubstr;

class ServerNetwork : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Sockets, ServerNetwork, ::testing::Values("", "127.0.0.1"),
                         [](const auto& sockets) {
                           return *sockets.param == '\0' ? "local" : "tcp_with_curve";
                         });

TEST_P(ServerNetwork, PushesArriveAndPullsSeeThem) {
  Servers servers(GetParam(), 1);
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  begin(*link);
  push(*link, 1, 0.25F);
  EXPECT_EQ(weight(*link), std::pair(0.75F, std::int64_t{1}));
  push(*link, 1, 0.25F);  // said again
  EXPECT_EQ(weight(*link), std::pair(0.75F, std::int64_t{1}));
}

TEST_P(ServerNetwork, WithoutAKeyOfTheJobThereIsNoConnection) {
  Servers servers(GetParam(), 1);
  const auto link = servers.group(0)->connect(0);
  begin(*link);
  for (const CurveKeys& keys :
       {random_keys(), derived_keys(Secret("another secret, not this job's"), "worker")}) {
    Stranger stranger(servers.server(0), keys);
    stranger.say_hello();
    EXPECT_FALSE(stranger.is_answered());
  }
  EXPECT_THAT(servers.log(), HasSubstr("without a key of this job"));
  EXPECT_EQ(weight(*link), std::pair(1.0F, std::int64_t{0}));
}

TEST_P(ServerNetwork, ReplayedMalformedAndForbiddenMessagesChangeNothing) {
  Servers servers(GetParam(), 1);
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  begin(*link);
  Stranger member(servers.server(0), derived_keys(servers.secret, "worker"));
  member.say(of(Kind::pull), 1);
  EXPECT_TRUE(member.is_answered());  // say hello first
  member.say_hello();
  EXPECT_TRUE(member.is_answered());
  const std::vector<float> gradient(16, 1);
  Message push = of(Kind::push);
  push.task = 1;
  push.lanes = {0, 1};
  push.data = gradient;
  member.say(push, 1);  // its number is that of hello
  EXPECT_FALSE(member.is_answered());
  EXPECT_THAT(servers.log(), HasSubstr("it was sent before"));

  std::string head = encode_head(push);
  head[20] = static_cast<char>(head[20] ^ 1);
  member.socket.send(zmq::buffer(head), zmq::send_flags::sndmore);
  member.socket.send(zmq::buffer(gradient), zmq::send_flags::none);
  EXPECT_FALSE(member.is_answered());
  EXPECT_THAT(servers.log(), HasSubstr("its checksum is wrong"));
  member.socket.send(zmq::buffer(head), zmq::send_flags::none);
  EXPECT_FALSE(member.is_answered());
  EXPECT_THAT(servers.log(), HasSubstr("wrong number of frames"));

  Message forbidden = of(Kind::gone);
  member.say(forbidden, 5);
  Message pretended = push;
  pretended.flags = Flag::replicated;
  member.say(pretended, 6);
  EXPECT_FALSE(member.is_answered());
  EXPECT_THAT(servers.log(), HasSubstr("may not send"));

  // Nonsense of a member that knows the protocol is answered with an error.
  for (const auto& spoil : std::vector<std::function<void(Message&)>>{
           [](Message& m) {
             m.lanes = {0, 5};
           },
           [](Message& m) { m.first = 3; }, [](Message& m) { m.first = 1LL << 40; },
           [](Message& m) {
             m.lanes = {7, 3};
           }}) {
    Message bad = push;
    spoil(bad);
    EXPECT_THROW(link->call(bad), RequestError);
  }
  Message bad = of(Kind::pull);
  bad.first = 8;
  bad.count = 9;
  EXPECT_THROW(link->call(bad), RequestError);
  EXPECT_EQ(weight(*link), std::pair(1.0F, std::int64_t{0}));
}

TEST_P(ServerNetwork, AnOversizedMessageEndsItsConnectionOnly) {
  Servers servers(GetParam(), 1);
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  begin(*link);
  {
    Stranger member(servers.server(0), derived_keys(servers.secret, "worker"));
    member.say_hello();
    EXPECT_TRUE(member.is_answered());
    const std::string large(Limits::frame + 100, 'x');
    member.socket.send(zmq::buffer(large), zmq::send_flags::none);
    EXPECT_FALSE(member.is_answered(1000ms));
  }
  push(*link, 1, 0.5F);
  EXPECT_EQ(weight(*link), std::pair(0.5F, std::int64_t{1}));
}

TEST_P(ServerNetwork, WithoutABackupALostServerIsTheEnd) {
  Servers servers(GetParam(), 2);
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  begin(*link, 0);
  begin(*link, 1);
  servers.lose(1);
  EXPECT_THROW(
      {
        for (int i = 1; i < 200; ++i) push(*link, static_cast<std::uint64_t>(i), 0.1F, 1);
        std::this_thread::sleep_for(200ms);
        weight(*link, 1);
      },
      PeerError);
}

TEST_P(ServerNetwork, ALostServerLosesNoAcknowledgedPush) {
  Servers servers(GetParam(), 2, 1);
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  begin(*link, 0);
  begin(*link, 1);
  std::thread killer([&] {
    std::this_thread::sleep_for(100ms);
    servers.lose(1);
  });
  const auto until = std::chrono::steady_clock::now() + 700ms;
  std::uint64_t pushed = 0;
  while (std::chrono::steady_clock::now() < until) push(*link, ++pushed, 1.0F, 1);
  killer.join();
  EXPECT_EQ(weight(*link, 1),
            std::pair(1 - static_cast<float>(pushed), static_cast<std::int64_t>(pushed)));
  EXPECT_THAT(servers.log(), HasSubstr("takes over shard 1 from server 1"));
  push(*link, 1, 0.5F, 0);
  EXPECT_EQ(weight(*link, 0).first, 0.5F);
}

}  // namespace server_network_test

namespace server_network_test {

using testing::small_job;

std::string train_over_network(const char* bind, int servers, int backups, int workers,
                               int replicas, int lose, const Job& base,
                               const ModelFactory& factory) {
  Servers running(bind, servers, backups);
  Job job = base;
  job.strategy = {.kind = "parameter_server", .own = ParameterServerOptions{.backups = backups}};
  std::vector<std::thread> threads;
  std::string digest;
  std::atomic<int> failed{0};
  for (int w = 0; w < workers; ++w) {
    threads.emplace_back([&, w] {
      try {
        RunOptions options;
        options.replicas = replicas;
        options.servers = running.group(w, workers);
        const RunSummary summary = testing::train(job, factory, options);
        if (w == 0) digest = summary.weights_sha256;
      } catch (const std::exception& error) {
        ++failed;
        ADD_FAILURE() << error.what();
      }
    });
  }
  if (lose >= 0) {
    std::this_thread::sleep_for(150ms);
    running.lose(lose);
  }
  for (std::thread& thread : threads) thread.join();
  return digest;
}

TEST_P(ServerNetwork, BspHasTheBitsOfTheSynchronousStrategy) {
  const Job job = small_job();
  const ModelFactory factory = build_model(testing::cnn_with_batch_norm(), testing::image_spec());
  Job drop = job;
  drop.train.last_batch = "drop";
  const std::string expected = testing::train(drop, factory).weights_sha256;
  EXPECT_EQ(train_over_network(GetParam(), 1, 0, 1, 1, -1, drop, factory), expected);
  EXPECT_EQ(train_over_network(GetParam(), 2, 0, 2, 2, -1, drop, factory), expected);
  EXPECT_EQ(train_over_network(GetParam(), 3, 1, 3, 1, -1, drop, factory), expected);
}

TEST_P(ServerNetwork, BspHasThemAlsoWhenAServerIsLost) {
  Job job = small_job();
  job.train.epochs = 40;
  job.evaluate.every = 100;
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  const std::string expected = testing::train(job, factory).weights_sha256;
  for (const int lose : {0, 1})
    EXPECT_EQ(train_over_network(GetParam(), 2, 1, 2, 1, lose, job, factory), expected) << lose;
}

}  // namespace server_network_test
}  // namespace convoy::server
