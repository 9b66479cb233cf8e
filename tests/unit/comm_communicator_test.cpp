// Messages and collectives over the thread transport, which shares its code with shared memory
// between processes. The transports between processes are in tests/system/group_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "comm/rendezvous/join_rendezvous.hpp"
#include "comm_support.hpp"
#include "convoy/comm/communicator.hpp"
#include "convoy/core/error.hpp"
#include "convoy/lanes/tree.hpp"

namespace convoy {
namespace comm_communicator_test {

using testing::in_group;

template <class T>
std::span<const std::byte> bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}
template <class T>
std::span<std::byte> bytes(std::vector<T>& values) {
  return std::as_writable_bytes(std::span(values));
}

std::vector<float> numbers(int rank, std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(rank) + 1);
  std::normal_distribution<float> normal(0, 10);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// What every element must become: the ranks' values added along the tree.
std::vector<float> tree_sum_of(int size, std::size_t count) {
  std::vector<std::vector<float>> parts;
  std::vector<Range> leaves;
  for (int rank = 0; rank < size; ++rank) {
    parts.push_back(numbers(rank, count));
    leaves.push_back({rank, rank + 1});
  }
  for (const Addition& add : additions(size, leaves)) {
    for (std::size_t i = 0; i < count; ++i) parts[add.into][i] += parts[add.from][i];
  }
  return parts[0];
}

TEST(Communicator, AllReduceAddsAlongTheTreeWhateverTheSize) {
  for (const int size : {1, 2, 3, 5, 8}) {
    for (const std::size_t count : {0u, 1u, 7u, 1000u, 9000u, 300000u, 1500000u}) {
      if (count > 400000 && size > 3) continue;
      const std::vector<float> expected = tree_sum_of(size, count);
      in_group(size, [&](const std::shared_ptr<Communicator>& group) {
        std::vector<float> values = numbers(group->rank(), count);
        group->all_reduce(std::span(values));
        EXPECT_TRUE(values == expected) << size << " ranks, " << count << " values";
      });
    }
  }
}

TEST(Communicator, AllReduceFindsLeastAndGreatest) {
  in_group(5, [](const std::shared_ptr<Communicator>& group) {
    std::vector<std::int64_t> values(20000, group->rank() * 10);
    group->all_reduce(std::span(values), ReduceOp::max);
    EXPECT_EQ(values.back(), 40);
    std::vector<double> reals(3, group->rank() + 0.5);
    group->all_reduce(std::span(reals), ReduceOp::min);
    EXPECT_EQ(reals[1], 0.5);
  });
}

TEST(Communicator, ReduceScatterLeavesEachRankItsPart) {
  for (const int size : {2, 3, 8}) {
    const std::vector<float> expected = tree_sum_of(size, 10001);
    in_group(size, [&](const std::shared_ptr<Communicator>& group) {
      std::vector<float> values = numbers(group->rank(), 10001);
      group->reduce_scatter(values);
      const Range part = even_part(10001, size, group->rank());
      for (std::int64_t i = part.begin; i < part.end; ++i) ASSERT_EQ(values[i], expected[i]);
    });
  }
}

TEST(Communicator, BroadcastGatherScatterAndAllGather) {
  for (const int size : {1, 2, 3, 6, 8}) {
    in_group(size, [size](const std::shared_ptr<Communicator>& group) {
      const int root = size - 1;
      std::vector<std::int64_t> letter(3, group->rank() == root ? 42 : 0);
      group->broadcast(bytes(letter), root);
      EXPECT_EQ(letter, std::vector<std::int64_t>(3, 42));

      // Parts of different sizes.
      const std::vector<int> mine(static_cast<std::size_t>(group->rank()) + 1, group->rank());
      std::vector<std::vector<int>> parts;
      for (int rank = 0; rank < size; ++rank) parts.emplace_back(rank + 1, -1);
      ReceivePieces into;
      for (auto& part : parts) into.push_back(bytes(part));
      group->gather(bytes(mine), into, root);
      if (group->rank() == root) {
        for (int rank = 0; rank < size; ++rank)
          EXPECT_EQ(parts[rank], std::vector<int>(rank + 1, rank));
      }
      std::vector<int> back(mine.size(), -1);
      SendPieces out;
      for (const auto& part : parts) out.push_back(bytes(part));
      group->scatter(out, bytes(back), root);
      EXPECT_EQ(back, mine);

      for (auto& part : parts) std::fill(part.begin(), part.end(), -1);
      group->all_gather(bytes(mine), into);
      for (int rank = 0; rank < size; ++rank)
        EXPECT_EQ(parts[rank], std::vector<int>(rank + 1, rank));
      EXPECT_EQ(group->all_gather(std::string(group->rank() * 100, 'x'))[root].size(), root * 100u);
    });
  }
}

TEST(Communicator, NobodyPassesABarrierBeforeAllHaveCome) {
  std::atomic<int> arrived{0};
  in_group(6, [&](const std::shared_ptr<Communicator>& group) {
    for (int round = 1; round <= 50; ++round) {
      ++arrived;
      group->barrier();
      EXPECT_GE(arrived.load(), round * 6);
      group->barrier();
    }
  });
}

TEST(Communicator, MessagesOfOneTagKeepTheirOrderAndTagsDoNotMix) {
  in_group(2, [](const std::shared_ptr<Communicator>& group) {
    const int peer = 1 - group->rank();
    std::vector<int> out(10);
    std::iota(out.begin(), out.end(), 0);
    std::vector<Work> sent;
    for (int i = 0; i < 10; ++i)
      sent.push_back(group->isend(peer, i % 2, {std::as_bytes(std::span(&out[i], 1))}));
    std::vector<int> odd(5);
    std::vector<int> even(5);
    for (int& value : odd) group->recv(peer, 1, std::as_writable_bytes(std::span(&value, 1)));
    for (int& value : even) group->recv(peer, 0, std::as_writable_bytes(std::span(&value, 1)));
    EXPECT_EQ(odd, (std::vector<int>{1, 3, 5, 7, 9}));
    EXPECT_EQ(even, (std::vector<int>{0, 2, 4, 6, 8}));
    for (Work& work : sent) work.wait();
  });
}

TEST(Communicator, MessagesLongerThanTheRingCrossInBothDirections) {
  in_group(3, [](const std::shared_ptr<Communicator>& group) {
    constexpr std::size_t count = 3'000'001;
    const std::vector<float> mine = numbers(group->rank(), count);
    const int next = (group->rank() + 1) % 3;
    const int before = (group->rank() + 2) % 3;
    // In pieces of odd sizes on both sides, which need not be the same.
    SendPieces pieces;
    for (std::size_t begin = 0; begin < count; begin += 77777)
      pieces.push_back(std::as_bytes(
          std::span(mine).subspan(begin, std::min<std::size_t>(77777, count - begin))));
    std::vector<float> theirs(count, 1);
    Work sent = group->isend(next, 5, pieces);
    group->irecv(before, 5, {bytes(theirs).first(40), bytes(theirs).subspan(40)}, Receive::add)
        .wait();
    sent.wait();
    const std::vector<float> expected = numbers(before, count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(theirs[i], 1 + expected[i]);
  });
}

TEST(Communicator, AsynchronousCollectivesRunInOrderBesideMessages) {
  in_group(4, [](const std::shared_ptr<Communicator>& group) {
    std::vector<std::vector<double>> values;
    std::vector<Work> work;
    for (int i = 0; i < 20; ++i) values.emplace_back(2000, group->rank() + i);
    for (auto& one : values) work.push_back(group->iall_reduce(std::span(one)));
    int token = group->rank();
    int received = -1;
    Work sent = group->isend((group->rank() + 1) % 4, 9, {std::as_bytes(std::span(&token, 1))});
    group->recv((group->rank() + 3) % 4, 9, std::as_writable_bytes(std::span(&received, 1)));
    sent.wait();
    EXPECT_EQ(received, (group->rank() + 3) % 4);
    Work last = group->ibarrier();
    for (Work& one : work) one.wait();
    last.wait();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(values[i][1999], 6 + 4 * i);
    group->barrier();  // behind what was asked for asynchronously
  });
}

TEST(Communicator, SilenceIsATimeoutThatNamesThePeer) {
  in_group(
      2,
      [](const std::shared_ptr<Communicator>& group) {
        if (group->rank() == 1) return;
        int value = 0;
        try {
          group->recv(1, 3, std::as_writable_bytes(std::span(&value, 1)));
          FAIL() << "nobody sent anything";
        } catch (const TimeoutError& error) {
          EXPECT_EQ(error.rank(), 1);
          EXPECT_THAT(error.what(), ::testing::HasSubstr("worker 1"));
        }
      },
      std::chrono::milliseconds(100));
}

TEST(Communicator, AMessageOfAnotherSizeIsAnErrorOfThePeer) {
  in_group(2, [](const std::shared_ptr<Communicator>& group) {
    std::vector<int> values(3);
    if (group->rank() == 0) {
      group->send(1, 1, bytes(std::as_const(values)));
    } else {
      EXPECT_THROW(group->recv(0, 1, bytes(values).first(4)), PeerError);
    }
  });
}

TEST(Communicator, CountsThePayloadItSends) {
  in_group(4, [](const std::shared_ptr<Communicator>& group) {
    std::vector<float> values(400000);
    group->all_reduce(std::span(values));
    EXPECT_EQ(group->bytes_sent(), 2 * 3 * 100000 * sizeof(float));  // 2 (n - 1) / n of the buffer
  });
}

TEST(JoinedRendezvous, FirstHostOfASlurmList) {
  EXPECT_EQ(first_host("node7"), "node7");
  EXPECT_EQ(first_host("node7,node9"), "node7");
  EXPECT_EQ(first_host("n[07-09,12],login"), "n07");
  EXPECT_EQ(first_host("n[3,5]"), "n3");
  EXPECT_EQ(first_host("a,n[3,5]"), "a");
}

class PlaceTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& name : set_) ::unsetenv(name.c_str());
  }
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  std::vector<std::string> set_;
};

TEST_F(PlaceTest, NobodyStartedThisProcess) {
  set("SLURM_PROCID", "0");  // a batch script: srun did not start it
  EXPECT_FALSE(worker_place().has_value());
}

TEST_F(PlaceTest, ReadsWhatMpirunSays) {
  set("OMPI_COMM_WORLD_RANK", "5");
  set("OMPI_COMM_WORLD_SIZE", "8");
  set("OMPI_COMM_WORLD_LOCAL_RANK", "1");
  set("OMPI_COMM_WORLD_LOCAL_SIZE", "4");
  const auto place = worker_place();
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->starter, WorkerPlace::Starter::mpirun);
  EXPECT_EQ(place->rank, 5);
  EXPECT_EQ(place->local_workers, 4);
}

TEST_F(PlaceTest, ReadsWhatSrunSays) {
  set("SLURM_PROCID", "9");
  set("SLURM_STEP_NUM_TASKS", "11");
  set("SLURM_LOCALID", "1");
  set("SLURM_NODEID", "2");
  set("SLURM_STEP_TASKS_PER_NODE", "4(x2),3");
  const auto place = worker_place();
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->starter, WorkerPlace::Starter::srun);
  EXPECT_EQ(place->local_workers, 3);
}

TEST_F(PlaceTest, NonsenseIsRefused) {
  set("CONVOY_RANK", "2");
  set("CONVOY_WORKERS", "two");
  EXPECT_THROW(worker_place(), InputError);
  set("CONVOY_WORKERS", "2");
  EXPECT_THROW(worker_place(), InputError);
}

}  // namespace comm_communicator_test
}  // namespace convoy
