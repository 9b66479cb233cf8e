// Workers that come to a group by a store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "comm/transports/memory/shared_memory.hpp"
#include "convoy/comm/group.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/core/error.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_group_test {

using namespace std::chrono_literals;

TEST(SharedMemory, IsReachedAsLongAsItsDescriptorIsOpen) {
  SharedMemory own = SharedMemory::create(64);
  const int fd = own.fd();
  const std::optional<SharedMemory> same = SharedMemory::open(::getpid(), fd, 64);
  ASSERT_TRUE(same);
  own.data()[7] = std::byte{42};
  EXPECT_EQ(same->data()[7], std::byte{42});
  EXPECT_FALSE(SharedMemory::open(::getpid(), fd, 65));
  own.close_fd();
  EXPECT_FALSE(SharedMemory::open(::getpid(), fd, 64));
}

TEST(Group, AWorkerThatLeavesWhileJoiningIsAnErrorOfThePeer) {
  RendezvousServer server({"127.0.0.1", 0, secret, {}});
  const auto store = open_store("127.0.0.1:" + std::to_string(server.port()), secret, 10s);
  store->set("group/host/1", nlohmann::json(host_identity()).dump());
  const nlohmann::json segment = {{"pid", ::getpid()}, {"fd", 1'000'000}};
  store->set("group/segment/1", nlohmann::json(segment.dump()).dump());
  GroupOptions options;
  options.timeout = 10s;
  try {
    join_group(*store, 0, 2, options);
    FAIL() << "joined a group of one";
  } catch (const PeerError& error) {
    EXPECT_EQ(error.rank(), 1);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("worker 1 left while joining"));
  }
}

}  // namespace comm_group_test
}  // namespace convoy
