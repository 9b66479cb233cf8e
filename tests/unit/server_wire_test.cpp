// The wire format: what is written is read, and nothing else is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "server/wire.hpp"

namespace convoy::server {
namespace server_wire_test {

std::vector<float> some_floats() {
  return {1.5F, -2.0F, 0.0F, std::numeric_limits<float>::max()};
}

Message some_message(const std::vector<float>& data) {
  Message m;
  m.kind = Kind::push;
  m.shard = 3;
  m.flags = Flag::replicated;
  m.array = 1;
  m.sequence = 7;
  m.request = 1ULL << 60;
  m.generation = 2;
  m.worker = 5ULL << 32 | 9;
  m.task = 11;
  m.step = 12;
  m.lanes = {4, 8};
  m.first = 16;
  m.count = 4;
  m.version = 10;
  m.rate = 0.1;
  m.scale = 0.5;
  m.clip = 2;
  m.numbers = {0.25, -1e300, std::numeric_limits<double>::quiet_NaN()};
  m.rows = {1, 1ULL << 50};
  m.text = std::string("text with \0 inside", 18);
  m.data = data;
  return m;
}

std::span<const std::byte> bytes(const std::vector<float>& data) {
  return std::as_bytes(std::span(data));
}

TEST(ServerWire, WhatIsWrittenIsRead) {
  const auto data = some_floats();
  const Message m = some_message(data);
  const Message r = decode(encode_head(m), bytes(data));
  EXPECT_EQ(r.kind, m.kind);
  EXPECT_EQ(std::tie(r.shard, r.flags, r.array), std::tie(m.shard, m.flags, m.array));
  EXPECT_EQ(std::tie(r.sequence, r.request, r.generation, r.worker, r.task),
            std::tie(m.sequence, m.request, m.generation, m.worker, m.task));
  EXPECT_EQ(r.lanes, m.lanes);
  EXPECT_EQ(std::tie(r.step, r.first, r.count, r.version),
            std::tie(m.step, m.first, m.count, m.version));
  EXPECT_EQ(std::tie(r.rate, r.scale, r.clip), std::tie(m.rate, m.scale, m.clip));
  EXPECT_EQ(r.numbers[0], 0.25);
  EXPECT_TRUE(std::isnan(r.numbers[2]));
  EXPECT_EQ(r.rows, m.rows);
  EXPECT_EQ(r.text, m.text);
  EXPECT_TRUE(std::equal(r.data.begin(), r.data.end(), data.begin(), data.end()));
}

TEST(ServerWire, EveryTruncationIsRefused) {
  const auto data = some_floats();
  const std::string head = encode_head(some_message(data));
  for (std::size_t size = 0; size < head.size(); ++size)
    EXPECT_THROW(decode(head.substr(0, size), bytes(data)), WireError) << size;
  EXPECT_THROW(decode(head + "x", bytes(data)), WireError);
  EXPECT_THROW(decode(head, bytes(data).first(12)), WireError);
  EXPECT_THROW(decode(head, {}), WireError);
}

TEST(ServerWire, EveryFlippedBitIsRefused) {
  auto data = some_floats();
  std::string head = encode_head(some_message(data));
  for (std::size_t bit = 0; bit < head.size() * 8; ++bit) {
    head[bit / 8] = static_cast<char>(head[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THROW(decode(head, bytes(data)), WireError) << bit;
    head[bit / 8] = static_cast<char>(head[bit / 8] ^ (1 << (bit % 8)));
  }
  auto* raw = reinterpret_cast<unsigned char*>(data.data());
  for (std::size_t bit = 0; bit < data.size() * 32; ++bit) {
    raw[bit / 8] ^= static_cast<unsigned char>(1 << (bit % 8));
    EXPECT_THROW(decode(head, bytes(data)), WireError) << bit;
    raw[bit / 8] ^= static_cast<unsigned char>(1 << (bit % 8));
  }
  EXPECT_NO_THROW(decode(head, bytes(data)));
}

TEST(ServerWire, WhatIsTooLargeIsNotWritten) {
  Message m = some_message({});
  m.text.assign(Limits::text + 1, 'x');
  EXPECT_THROW(encode_head(m), WireError);
  m = some_message({});
  m.rows.resize(Limits::rows + 1);
  EXPECT_THROW(encode_head(m), WireError);
}

TEST(ServerWire, NegativeAndInfiniteNumbersAreRefused) {
  for (const auto& spoil : std::vector<std::function<void(Message&)>>{
           [](Message& m) { m.first = -1; }, [](Message& m) { m.lanes.begin = -4; },
           [](Message& m) { m.version = std::numeric_limits<std::int64_t>::min(); },
           [](Message& m) { m.rate = std::numeric_limits<double>::infinity(); },
           [](Message& m) { m.scale = std::nan(""); }}) {
    Message m = some_message({});
    spoil(m);
    EXPECT_THROW(decode(encode_head(m), {}), WireError);
  }
}

TEST(ServerWire, RandomBytesAreRefused) {
  std::mt19937 random(4);
  for (int i = 0; i < 2000; ++i) {
    std::string head(random() % 300, '\0');
    for (char& c : head) c = static_cast<char>(random());
    if (i % 2 == 0 && head.size() > 5) head.replace(0, 5, std::string("CVPS\1", 5));
    EXPECT_THROW(decode(head, {}), WireError);
  }
}

}  // namespace server_wire_test
}  // namespace convoy::server
