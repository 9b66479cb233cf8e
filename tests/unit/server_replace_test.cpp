// Servers that join: a part whose server was lost gets another backup, and loses nothing when its
// next server is lost too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "server/network_link.hpp"
#include "server_support.hpp"
#include "train_support.hpp"

namespace convoy::server {
namespace server_replace_test {

using namespace std::chrono_literals;
using served::begin;
using served::of;
using served::push;
using served::Servers;
using served::Stranger;
using served::weight;
using ::testing::HasSubstr;
using ::testing::Not;

std::string is_backup(int server, int part) {
  return std::to_string(server) + " is the backup of part " + std::to_string(part) +
         " of the weights now";
}

TEST(ServerMap, AServerThatJoinsIsNeverPromoted) {
  ShardMap map = ShardMap::of(2, 1);
  EXPECT_FALSE(map.shards[0].lacks_backup());
  map = map.without(0);
  EXPECT_EQ(map.shards[0].primary, 1);
  EXPECT_TRUE(map.shards[0].lacks_backup());
  EXPECT_TRUE(map.shards[1].lacks_backup());
  map.shards[0].joining = 2;
  EXPECT_FALSE(map.shards[0].lacks_backup());
  EXPECT_TRUE(map.has(2));
  EXPECT_FALSE(map.serves(2));
  const ShardMap again = ShardMap::parse(map.text());
  EXPECT_EQ(again.text(), map.text());
  EXPECT_EQ(again.shards[0].joining, 2);
  EXPECT_EQ(map.without(2).shards[0].joining, -1);
  EXPECT_EQ(map.without(2).shards[0].primary, 1);
  EXPECT_EQ(map.without(1).shards[0].primary, -1);
  EXPECT_EQ(map.without(1).shards[0].joining, -1);
  EXPECT_EQ(ShardMap::of(1, 1).shards[0].backup, -1);
}

// One worker's link to two servers, each the other's backup, with both parts begun.
struct TwoParts {
  explicit TwoParts(const char* sockets = "")
      : servers(sockets, 2, 1), group(servers.group(0)), link(group->connect(0)) {
    begin(*link, 0);
    begin(*link, 1);
  }
  void lose_the_first() {
    servers.lose(0);
    EXPECT_TRUE(servers.come_to_say("takes over shard 0"));
  }
  Servers servers;
  std::shared_ptr<ServerGroup> group;
  std::unique_ptr<Link> link;
};

class ServerReplace : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Sockets, ServerReplace, ::testing::Values("", "127.0.0.1"),
                         [](const auto& sockets) {
                           return *sockets.param == '\0' ? "local" : "tcp_with_curve";
                         });

TEST_P(ServerReplace, AllServersInTurnLoseNoAcknowledgedPush) {
  TwoParts parts(GetParam());
  Servers& servers = parts.servers;
  const auto& link = parts.link;
  std::atomic<bool> enough{false};
  std::thread killer([&] {
    for (int lost = 0; lost < 3; ++lost) {
      servers.lose(lost);
      const int next = servers.start_another();
      EXPECT_TRUE(servers.come_to_say(is_backup(next, 0))) << servers.log();
      EXPECT_TRUE(servers.come_to_say(is_backup(next, 1))) << servers.log();
    }
    enough = true;
  });
  std::uint64_t pushed = 0;
  while (!enough || pushed < 10) {
    push(*link, ++pushed, 1.0F, 0);
    push(*link, pushed, 1.0F, 1);
  }
  killer.join();
  servers.lose(3);
  push(*link, ++pushed, 1.0F, 0);
  push(*link, pushed, 1.0F, 1);
  const auto expected =
      std::pair(1 - static_cast<float>(pushed), static_cast<std::int64_t>(pushed));
  EXPECT_EQ(weight(*link, 0), expected);
  EXPECT_EQ(weight(*link, 1), expected);
  EXPECT_THAT(servers.log(), HasSubstr("2 started, joins as backup of part 0, 1 of the weights"));
  EXPECT_THAT(servers.log(), HasSubstr("4 takes over shard 0 from server 3"));
}

TEST_P(ServerReplace, ANewBackupOfAllPartsIsHandedOneOfThem) {
  TwoParts parts(GetParam());
  Servers& servers = parts.servers;
  parts.lose_the_first();
  servers.start_another();
  std::uint64_t pushed = 0;
  while (!servers.says("hands part 0 of the weights over to server 2") && pushed < 100000) {
    push(*parts.link, ++pushed, 1.0F, 0);
    push(*parts.link, pushed, 1.0F, 1);
  }
  for (int more = 0; more < 20; ++more) push(*parts.link, ++pushed, 1.0F, 0);
  EXPECT_TRUE(servers.come_to_say("2 takes over shard 0 from server 1")) << servers.log();
  servers.lose(2);  // 1 has all that it acknowledged since
  EXPECT_TRUE(servers.come_to_say("1 takes over shard 0 from server 2")) << servers.log();
  push(*parts.link, ++pushed, 1.0F, 0);
  EXPECT_EQ(weight(*parts.link, 0),
            std::pair(1 - static_cast<float>(pushed), static_cast<std::int64_t>(pushed)));
}

TEST_P(ServerReplace, WhoLeavesTakesNothingWithIt) {
  TwoParts parts(GetParam());
  Servers& servers = parts.servers;
  push(*parts.link, 1, 0.25F, 0);
  servers.leave(0);
  EXPECT_TRUE(servers.come_to_say("1 takes over shard 0 from server 0")) << servers.log();
  servers.await_end(0);
  push(*parts.link, 2, 0.5F, 0);
  EXPECT_EQ(weight(*parts.link, 0), std::pair(0.25F, std::int64_t{2}));
  servers.leave(1);
  EXPECT_TRUE(servers.come_to_say("1 cannot leave yet: no other server has part 0"))
      << servers.log();
  push(*parts.link, 3, 0.25F, 0);
  servers.start_another();
  EXPECT_TRUE(servers.come_to_say("2 takes over shard 1 from server 1")) << servers.log();
  servers.await_end(1);
  EXPECT_EQ(weight(*parts.link, 0), std::pair(0.0F, std::int64_t{3}));
}

TEST(ServerReplace, WithoutBackupsNobodyLeaves) {
  Servers servers("", 1);
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  begin(*link);
  servers.leave(0);
  EXPECT_TRUE(
      servers.come_to_say("0 cannot leave yet: no other server has part 0 of the weights; "
                          "strategy.backups: 1 keeps each part on two"));
  push(*link, 1, 0.25F, 0);
  EXPECT_EQ(weight(*link, 0), std::pair(0.75F, std::int64_t{1}));
}

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

TEST(ServerWorkers, OneOfThemTendsTheRunUntilItIsGone) {
  Servers servers("", 1);
  const auto early = servers.group(1);
  EXPECT_FALSE(early->coordinates());  // rank 0 begins
  auto first = servers.group(0);
  EXPECT_TRUE(first->coordinates());
  EXPECT_EQ(first->previous_coordinator(), "");
  const auto third = servers.group(2);
  EXPECT_FALSE(early->coordinates());
  EXPECT_FALSE(third->coordinates());
  const std::string name = first->self();
  first.reset();
  EXPECT_TRUE(comes_true([&] { return early->coordinates() || third->coordinates(); }));
  EXPECT_NE(early->coordinates(), third->coordinates());
  EXPECT_EQ((early->coordinates() ? early : third)->previous_coordinator(), name);
}

TEST(ServerWorkers, TheyLeaveOneAfterTheOtherAndTheLastStays) {
  Servers servers("", 1);
  auto one = servers.group(0);
  auto two = servers.group(1);
  one->enlist();
  EXPECT_FALSE(one->may_go());
  two->enlist();
  EXPECT_TRUE(comes_true([&] { return one->may_go(); }));
  EXPECT_FALSE(two->may_go());
  one.reset();
  EXPECT_TRUE(comes_true([&] { return two->processes(true).front().gone; }));
  std::this_thread::sleep_for(400ms);
  EXPECT_FALSE(two->may_go());
  const auto three = servers.group(2);
  three->enlist();
  EXPECT_TRUE(comes_true([&] { return two->may_go(); }));
}

TEST(ServerReplace, AServerThatHasOtherPartsBecomesABackupAfterAWhile) {
  Servers servers("", 3, 1, 50ms);
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  for (const std::uint32_t shard : {0, 1, 2}) begin(*link, shard);
  servers.lose(0);  // 1 has part 0, and part 2 has no backup
  EXPECT_TRUE(servers.come_to_say("2 is the backup of part 0 of the weights now"));
  EXPECT_TRUE(servers.come_to_say("1 is the backup of part 2 of the weights now"));
  push(*link, 1, 0.25F, 0);
  servers.lose(1);
  for (const std::uint32_t shard : {0, 1, 2}) push(*link, 2, 0.25F, shard);
  EXPECT_EQ(weight(*link, 0).first, 0.5F);
  EXPECT_EQ(weight(*link, 1).first, 0.75F);
  EXPECT_EQ(weight(*link, 2).first, 0.75F);
}

TEST(ServerReplace, ANewServerThatIsNotNeededEnds) {
  Servers without("", 1);
  without.await_end(without.start_another());
  Servers servers("", 2, 1);
  const int spare = servers.start_another();
  const auto group = servers.group(0);
  const auto link = group->connect(0);
  begin(*link, 0);
  begin(*link, 1);
  for (const std::uint32_t shard : {0, 1}) link->call(of(Kind::close, shard));
  servers.await_end(spare);
  EXPECT_THAT(servers.log(), Not(HasSubstr("joins")));
}

// Takes the place of a server in the map, and never answers.
class Pretender {
 public:
  Pretender(Servers& servers, int number)
      : directory_(servers.at(), servers.secret, "server-" + std::to_string(number), 0, 0, 20s,
                   20s) {
    directory_.publish(number, {"ipc://@nobody-listens-here", ""});
    directory_.change([&](const ShardMap& map) -> std::optional<ShardMap> {
      ShardMap next = map;
      for (ShardMap::Place& place : next.shards)
        if (place.lacks_backup()) place.joining = number;
      return next;
    });
  }
  ShardMap map() const { return directory_.map(); }

 private:
  Directory directory_;
};

TEST(ServerReplace, OneThatJoinsAndIsLostDisturbsNobody) {
  TwoParts parts;
  Servers& servers = parts.servers;
  const auto& link = parts.link;
  parts.lose_the_first();
  {
    const Pretender pretender(servers, 77);
    for (std::uint64_t task = 1; task < 20; ++task) push(*link, task, 1, 0);
  }
  const int next = servers.start_another();
  EXPECT_TRUE(servers.come_to_say(is_backup(next, 0)));
  EXPECT_TRUE(servers.come_to_say(is_backup(next, 1)));
  servers.lose(1);
  EXPECT_EQ(weight(*link, 0), std::pair(-18.0F, std::int64_t{19}));
}

TEST(ServerReplace, WhenThePrimaryIsLostMeanwhileThePartIsLost) {
  TwoParts parts;
  Servers& servers = parts.servers;
  const auto& link = parts.link;
  parts.lose_the_first();
  const Pretender pretender(servers, 77);
  push(*link, 1, 1, 0);
  servers.lose(1);
  EXPECT_THROW(
      {
        while (true) push(*link, 2, 1, 0);
      },
      PeerError);
}

// With the servers' key, but no place in the map.
TEST(ServerReplace, SnapshotsThatNobodyAskedForChangeNothing) {
  TwoParts parts;
  Servers& servers = parts.servers;
  const auto& link = parts.link;
  push(*link, 1, 0.5F, 0);
  for (const std::string role : {"server", "worker"}) {
    Stranger stranger(servers.server(0), derived_keys(servers.secret, role));
    zmq::socket_t& socket = stranger.socket;
    std::uint64_t sequence = 0;
    for (const Kind kind : {Kind::hello, Kind::seed, Kind::seeded}) {
      for (const std::uint32_t shard : {0U, 1U, 9U}) {
        if (kind == Kind::hello && (role == "server" || shard > 0)) continue;
        Message message = of(kind, shard);
        message.text = "a job";
        message.sequence = message.request = ++sequence;
        message.flags = Flag::finished;
        if (role == "server") message.flags |= Flag::replicated;
        message.worker = 1;
        send(socket, "", message);
        if (role == "worker" && kind != Kind::hello) continue;  // refused without an answer
        zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
        ASSERT_GT(zmq::poll(&item, 1, 20s), 0);
        const auto answer = receive(socket, false);
        ASSERT_TRUE(answer.has_value());
        EXPECT_EQ(answer->answer.message.kind, role == "server" ? Kind::error : Kind::answer);
      }
    }
    if (role == "worker") {
      EXPECT_TRUE(servers.come_to_say("may not send"));
    }
  }
  EXPECT_EQ(weight(*link, 0), std::pair(0.5F, std::int64_t{1}));
}

// Every server of the beginning is lost while workers train.
TEST_P(ServerReplace, BspHasTheBitsOfTheSynchronousStrategy) {
  Job job = convoy::testing::small_job();
  job.train.epochs = 60;
  job.evaluate.every = 100;
  const ModelFactory factory =
      build_model(convoy::testing::mlp_options(), convoy::testing::image_spec());
  const std::string expected = convoy::testing::train(job, factory).weights_sha256;
  job.strategy = {.kind = "parameter_server", .own = ParameterServerOptions{.backups = 1}};
  Servers servers(GetParam(), 2, 1);
  std::string digest;
  std::atomic<int> finished{0};
  std::vector<std::thread> workers;
  for (int w = 0; w < 2; ++w) {
    workers.emplace_back([&, w] {
      try {
        RunOptions options;
        options.servers = servers.group(w, 2);
        const RunSummary summary = convoy::testing::train(job, factory, options);
        if (w == 0) digest = summary.weights_sha256;
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
      ++finished;
    });
  }
  std::this_thread::sleep_for(50ms);
  for (int lost = 0; lost < 2; ++lost) {
    servers.lose(lost);
    const int next = servers.start_another();
    // Where training is over before, there is nothing to wait for.
    const auto joined = [&] {
      return servers.says(is_backup(next, 0)) && servers.says(is_backup(next, 1));
    };
    while (finished < 2 && !joined()) std::this_thread::sleep_for(5ms);
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(digest, expected);
}

}  // namespace server_replace_test
}  // namespace convoy::server
