// A transport from outside the library: a job names it, and the bits are those of any other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/comm/transports.hpp"
#include "convoy/core/error.hpp"
#include "rendezvous_support.hpp"
#include "train_support.hpp"

namespace convoy {
namespace comm_transports_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::atomic<std::int64_t> messages{0};

/// Counts what is sent.
class Counted final : public Transport {
 public:
  explicit Counted(std::unique_ptr<Transport> inner) : inner_(std::move(inner)) {}
  std::string_view name() const override { return "counted"; }
  std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) override {
    ++messages;
    count_sent(total_size(pieces));
    return inner_->send(peer, tag, std::move(pieces));
  }
  std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces,
                                    Receive mode) override {
    return inner_->receive(peer, tag, std::move(pieces), mode);
  }
  void abort() override { inner_->abort(); }

 private:
  std::unique_ptr<Transport> inner_;
};

class Transports : public ::testing::Test {
 protected:
  Transports() {
    messages = 0;
    transports().add({{.name = "counted", .doc = "shared memory, and counts"},
                      [](const TransportMeeting& meeting) {
                        return std::make_unique<Counted>(transports().get("shm").connect(meeting));
                      }});
  }
  ~Transports() override { transports().remove("counted"); }
};

Job job_with(const std::string& transport) {
  Job job = testing::small_job();
  job.strategy =
      parse_job(
          "data: {train: {features: x, labels: y}}\nstrategy: {transport: " + transport + "}\n",
          "job.yaml")
          .strategy;
  return job;
}

/// By rank, of workers that meet at a store.
std::vector<std::string> digests(const Job& job, int workers, int replicas) {
  RendezvousServer server({"127.0.0.1", 0, secret, {}});
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  std::vector<std::string> found(static_cast<std::size_t>(workers));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < workers; ++rank) {
    threads.emplace_back([&, rank] {
      const auto store = open_store(address, secret, 20s);
      RunOptions options;
      options.replicas = replicas;
      options.group =
          join_group(*store, rank, workers, {.transport = job.strategy.transport, .timeout = 20s});
      EXPECT_EQ(options.group->transport(), job.strategy.transport);
      found[static_cast<std::size_t>(rank)] = testing::train(job, factory, options).weights_sha256;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return found;
}

TEST_F(Transports, AJobNamesOneFromOutsideAndTheBitsAreTheSame) {
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  const std::string expected = testing::train(testing::small_job(), factory).weights_sha256;
  for (const auto& [workers, replicas] : std::vector<std::pair<int, int>>{{2, 1}, {2, 2}, {3, 1}}) {
    messages = 0;
    for (const std::string& digest : digests(job_with("counted"), workers, replicas))
      EXPECT_EQ(digest, expected) << workers << " workers of " << replicas;
    EXPECT_GT(messages, 20);
  }
  for (const std::string& digest : digests(job_with("tcp"), 2, 1)) EXPECT_EQ(digest, expected);
}

TEST_F(Transports, WhatThereIsNotIsOneLine) {
  try {
    job_with("countd");
    ADD_FAILURE() << "no error";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "job.yaml:2: strategy.transport: 'countd' is not one of auto, counted, mpi, shm, "
                 "tcp; did you mean 'counted'?");
  }
}

TEST_F(Transports, OneOfAHostDoesNotGoBetweenHosts) {
  RendezvousServer server({"127.0.0.1", 0, secret, {}});
  const auto store = open_store("127.0.0.1:" + std::to_string(server.port()), secret, 10s);
  store->set("group/host/1", "\"another host\"");
  try {
    join_group(*store, 0, 2, {.transport = "counted", .timeout = 10s});
    ADD_FAILURE() << "joined";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "strategy.transport: counted needs all workers on one host; write auto, mpi or "
                 "tcp");
  }
}

}  // namespace comm_transports_test
}  // namespace convoy
