// How values lie in etcd.
#include <gtest/gtest.h>

#include <string>

#include "comm/rendezvous/etcd_seal.hpp"
#include "convoy/core/error.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_store_seal_test {

TEST(EtcdSeal, EndOfAPrefix) {
  EXPECT_EQ(etcd::end_of("ab"), "ac");
  EXPECT_EQ(etcd::end_of("a\xff\xff"), "b");
  EXPECT_EQ(etcd::end_of("\xff"), std::string(1, '\0'));
}

TEST(EtcdSeal, EveryChangedBitIsNoticed) {
  const etcd::Seal seal(secret, "job");
  const std::string name = seal.name_of("key");
  const std::string sealed = seal.sealed(name, {"value", "", 0});
  EXPECT_EQ(seal.opened(name, sealed).value, "value");
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    std::string changed = sealed;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    EXPECT_THROW(seal.opened(name, changed), AuthenticationError) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_THROW(seal.opened(name, sealed.substr(0, size)), AuthenticationError) << size;
  EXPECT_THROW(seal.opened(seal.name_of("other"), sealed), AuthenticationError);
  EXPECT_THROW(etcd::Seal(secret, "other job").opened(name, sealed), AuthenticationError);
}

}  // namespace comm_store_seal_test
}  // namespace convoy
