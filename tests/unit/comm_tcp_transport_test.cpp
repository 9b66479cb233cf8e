// Messages and collectives over the transport `tcp`, all connections on this host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <numeric>
#include <random>

#include "comm_tcp_support.hpp"
#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_tcp_transport_test {

using namespace std::chrono_literals;
using testing::AddressExchange;
using ::testing::HasSubstr;
using testing::in_tcp_group;
using testing::in_threads;
using testing::tcp_options;
using testing::Tweak;
using Group = std::shared_ptr<Communicator>;

std::vector<float> numbers(int rank, std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(rank) + 1);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random() % 1000);
  return values;
}
std::span<const std::byte> bytes(const std::vector<float>& values) {
  return std::as_bytes(std::span(values));
}
std::span<std::byte> bytes(std::vector<float>& values) {
  return std::as_writable_bytes(std::span(values));
}

const Tweak plain = [](TcpOptions&) {};
const Tweak sealed = [](TcpOptions& options) { options.encrypt = true; };
const Tweak sleeping = [](TcpOptions& options) { options.spin = false; };
const Tweak several = [](TcpOptions& options) {
  options.connections = 3;
  options.addresses = {"127.0.0.1", "127.0.0.2"};
  options.connect_from_them = true;
};
const Tweak several_sealed = [](TcpOptions& options) {
  several(options);
  sealed(options);
};
const Tweak version_6 = [](TcpOptions& options) { options.addresses = {"::1"}; };

bool has_version_6() {
  const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return bound;
}

std::vector<Tweak> all_ways() {
  std::vector<Tweak> ways = {plain, sealed, sleeping, several, several_sealed};
  if (has_version_6()) ways.push_back(version_6);
  return ways;
}

TEST(TcpTransport, EverySizeArrivesWhicheverWay) {
  for (const Tweak& way : all_ways()) {
    in_tcp_group(
        3,
        [](const Group& group) {
          EXPECT_EQ(group->transport(), "tcp");
          const int next = (group->rank() + 1) % 3;
          const int before = (group->rank() + 2) % 3;
          for (const std::size_t count : {0u, 1u, 100u, 4096u, 16390u, 70000u, 1500000u}) {
            const std::vector<float> mine = numbers(group->rank(), count);
            std::vector<float> theirs(count, 1);
            Work sent = group->isend(next, 5, {bytes(mine)});
            group->recv(before, 5, bytes(theirs));
            sent.wait();
            ASSERT_TRUE(theirs == numbers(before, count)) << count;
          }
          group->barrier();
        },
        way);
  }
}

TEST(TcpTransport, LongMessagesInPiecesAreAdded) {
  for (const Tweak& way : all_ways()) {
    in_tcp_group(
        2,
        [](const Group& group) {
          constexpr std::size_t count = 3'000'001;
          const int peer = 1 - group->rank();
          const std::vector<float> mine = numbers(group->rank(), count);
          SendPieces pieces;
          for (std::size_t begin = 0; begin < count; begin += 777)
            pieces.push_back(
                bytes(mine).subspan(4 * begin, 4 * std::min<std::size_t>(777, count - begin)));
          pieces.insert(pieces.begin() + 7, std::span<const std::byte>());
          std::vector<float> theirs(count, 1);
          Work sent = group->isend(peer, 5, pieces);
          group
              ->irecv(peer, 5, {bytes(theirs).first(40), {}, bytes(theirs).subspan(40)},
                      Receive::add)
              .wait();
          sent.wait();
          const std::vector<float> expected = numbers(peer, count);
          for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(theirs[i], 1 + expected[i]);
          group->barrier();
        },
        way);
  }
}

TEST(TcpTransport, SixtyFourMegabytesCross) {
  in_tcp_group(2, [](const Group& group) {
    std::vector<float> values(16 << 20, 1 + static_cast<float>(group->rank()));
    group->all_reduce(std::span(values));
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return v == 3; }));
  });
}

TEST(TcpTransport, MessagesOfOneTagKeepTheirOrderAndTagsDoNotMix) {
  for (const Tweak& way : all_ways()) {
    in_tcp_group(
        2,
        [](const Group& group) {
          const int peer = 1 - group->rank();
          // Sizes on both sides of what is kept without being asked for.
          const auto size = [](int i) { return i % 3 == 0 ? 100'000u : 10u; };
          std::vector<std::vector<float>> out;
          std::vector<Work> sent;
          for (int i = 0; i < 20; ++i) out.push_back(numbers(i, size(i)));
          for (int i = 0; i < 20; ++i) sent.push_back(group->isend(peer, i % 2, {bytes(out[i])}));
          for (const int tag : {1, 0}) {  // the other order than that of the sends
            for (int i = tag; i < 20; i += 2) {
              std::vector<float> in(size(i));
              group->recv(peer, tag, bytes(in));
              ASSERT_TRUE(in == out[i]) << i;
            }
          }
          for (Work& work : sent) work.wait();
          group->barrier();
        },
        way);
  }
}

TEST(TcpTransport, BothMaySendALotBeforeEitherReceives) {
  in_tcp_group(2, [](const Group& group) {
    const int peer = 1 - group->rank();
    const std::vector<float> mine = numbers(group->rank(), 8 << 20);
    std::vector<float> theirs(mine.size());
    group->send(peer, 1, bytes(mine));
    group->recv(peer, 1, bytes(theirs));
    EXPECT_TRUE(theirs == numbers(peer, mine.size()));
    group->barrier();
  });
}

TEST(TcpTransport, WhatNobodyWaitsForGoesOnAllTheSame) {
  in_tcp_group(2, [](const Group& group) {
    std::vector<float> values = numbers(0, 8 << 20);
    const std::vector<float> expected = values;
    if (group->rank() == 0) {
      Work sent = group->isend(1, 1, {bytes(std::as_const(values))});
      std::this_thread::sleep_for(300ms);
      float done = 0;
      group->recv(1, 2, std::as_writable_bytes(std::span(&done, 1)));
      sent.wait();
    } else {
      std::fill(values.begin(), values.end(), 0);
      const float done = 1;
      group->recv(0, 1, bytes(values));
      EXPECT_TRUE(values == expected);
      group->send(0, 2, std::as_bytes(std::span(&done, 1)));
    }
    group->barrier();
  });
}

TEST(TcpTransport, ManyThreadsSendAndReceiveAtOnce) {
  for (const Tweak& way : {plain, several_sealed}) {
    in_tcp_group(
        3,
        [](const Group& group) {
          constexpr int threads = 4;
          constexpr int rounds = 30;
          const auto thrown = in_threads(threads, [&](int thread) {
            for (int round = 0; round < rounds; ++round) {
              const std::size_t count = round % 5 == 0 ? 50'000 : 50;
              const std::vector<float> mine = numbers(group->rank() * 10 + thread, count);
              std::vector<std::vector<float>> theirs(3, std::vector<float>(count));
              std::vector<Work> work;
              for (int peer = 0; peer < 3; ++peer) {
                if (peer == group->rank()) continue;
                work.push_back(group->isend(peer, thread, {bytes(mine)}));
                work.push_back(group->irecv(peer, thread, {bytes(theirs[peer])}));
              }
              for (Work& one : work) one.wait();
              for (int peer = 0; peer < 3; ++peer) {
                if (peer == group->rank()) continue;
                ASSERT_TRUE(theirs[peer] == numbers(peer * 10 + thread, count));
              }
            }
          });
          for (const auto& one : thrown)
            if (one) std::rethrow_exception(one);
          group->barrier();
        },
        way);
  }
}

TEST(TcpTransport, CollectivesAreThoseOfEveryTransport) {
  for (const int size : {2, 3, 5}) {
    in_tcp_group(size, [size](const Group& group) {
      for (const std::size_t count : {1u, 9000u, 300000u}) {
        std::vector<float> values(count, static_cast<float>(group->rank() + 1));
        group->all_reduce(std::span(values));
        const auto sum = static_cast<float>(size * (size + 1) / 2);
        ASSERT_TRUE(std::all_of(values.begin(), values.end(), [&](float v) { return v == sum; }));
      }
      std::vector<Work> work;
      std::vector<std::vector<double>> many(10, std::vector<double>(2000, group->rank()));
      for (auto& one : many) work.push_back(group->iall_reduce(std::span(one), ReduceOp::max));
      for (Work& one : work) one.wait();
      EXPECT_EQ(many[9][1999], size - 1);
      group->barrier();
    });
  }
}

// ---- what goes wrong ----

float receive_one(const Group& group, int peer, int tag) {
  float value = 0;
  group->recv(peer, tag, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}
void send_one(const Group& group, int peer, int tag, float value) {
  group->send(peer, tag, std::as_bytes(std::span(&value, 1)));
}

TEST(TcpTransport, AClosedConnectionIsSeenAtOnce) {
  in_tcp_group(3, [](const Group& group) {
    if (group->rank() == 1) return;  // ends
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(message_of<PeerError>([&] { receive_one(group, 1, 3); }),
              "worker 1 is lost: its connection was closed");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    EXPECT_THROW(send_one(group, 1, 3, 1), PeerError);
  });
}

TEST(TcpTransport, WhatAWorkerSentBeforeItEndedArrives) {
  for (int round = 0; round < 20; ++round) {
    in_tcp_group(2, [](const Group& group) {
      const std::vector<float> values = numbers(7, 300'000);
      if (group->rank() == 1) {
        // Something that is never read, which would reset the connection.
        std::this_thread::sleep_for(1ms);
        return group->send(0, 4, bytes(values));
      }
      send_one(group, 1, 9, 1);
      std::this_thread::sleep_for(5ms);
      std::vector<float> got(values.size());
      group->recv(1, 4, bytes(got));
      EXPECT_TRUE(got == values);
    });
  }
}

TEST(TcpTransport, SilenceIsATimeoutThatNamesThePeer) {
  in_tcp_group(
      2,
      [](const Group& group) {
        if (group->rank() == 0) {
          EXPECT_THAT(message_of<TimeoutError>([&] { receive_one(group, 1, 3); }),
                      HasSubstr("worker 1 did not answer in time"));
          EXPECT_THROW(receive_one(group, 1, 3), PeerError) << "the group is broken";
        } else {
          std::this_thread::sleep_for(600ms);
        }
      },
      plain, 200ms);
}

TEST(TcpTransport, AbortEndsAllWaitsFromAnotherThread) {
  for (const bool spins : {true, false}) {
    in_tcp_group(
        2,
        [](const Group& group) {
          if (group->rank() == 1) return std::this_thread::sleep_for(500ms);
          std::vector<float> large(4 << 20);
          std::thread other([&] {
            EXPECT_THROW(group->irecv(1, 1, {bytes(large)}).wait(), PeerError);
            std::fill(large.begin(), large.end(), 1);
          });
          std::thread aborts([&] {
            std::this_thread::sleep_for(100ms);
            group->abort();
          });
          EXPECT_THROW(receive_one(group, 1, 2), PeerError);
          other.join();
          aborts.join();
          EXPECT_THROW(send_one(group, 1, 2, 0), PeerError);
        },
        [&](TcpOptions& options) { options.spin = spins; });
  }
}

TEST(TcpTransport, AMessageOfAnotherSizeIsAnErrorOfThePeer) {
  for (const bool asked_first : {true, false}) {
    in_tcp_group(2, [&](const Group& group) {
      std::vector<float> values(3);
      if (group->rank() == 0) {
        if (asked_first) std::this_thread::sleep_for(50ms);
        group->send(1, 1, bytes(std::as_const(values)));
        std::this_thread::sleep_for(100ms);
      } else {
        if (!asked_first) std::this_thread::sleep_for(50ms);
        EXPECT_THAT(message_of<PeerError>([&] { group->recv(0, 1, bytes(values).first(4)); }),
                    HasSubstr("unexpected size"));
      }
    });
  }
}

TEST(TcpTransport, ADamagedMessageIsNoticedAndTheSendersMemoryIsUnharmed) {
  for (const Tweak& way : all_ways()) {
    for (const char* plan : {"message:flip", "message:flip,at=0", "message:flip,at=9600063",
                             "message:flip,at=9000001"}) {
      const testing::Tweak tweak = way;
      AddressExchange addresses(2);
      const ScopedFaults faults(plan);
      const std::vector<float> values = numbers(3, 300'000);
      const auto thrown = in_threads(2, [&](int rank) {
        TcpOptions options = tcp_options(rank, 2, addresses);
        tweak(options);
        const auto transport = tcp_transport(options);
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        if (rank == 0) {
          transport->send(1, 1, {bytes(values)})->wait(deadline);
          std::vector<float> token(1);  // the other end goes
          transport->receive(1, 2, {bytes(token)}, Receive::replace)->wait(deadline);
        } else {
          std::vector<float> got(values.size());
          transport->receive(0, 1, {bytes(got)}, Receive::replace)->wait(deadline);
        }
      });
      EXPECT_THAT(message_of<DamagedMessageError>([&] { std::rethrow_exception(thrown[1]); }),
                  HasSubstr("a message of worker 0 (1200000 bytes) came damaged"));
      EXPECT_TRUE(values == numbers(3, 300'000));
    }
  }
}

}  // namespace comm_tcp_transport_test
}  // namespace convoy
