// Any bytes that reach a parameter server leave it working: they are refused, or are requests that
// its state machines answer or refuse, and another worker is still served. A snapshot of what they
// are then makes the same host; any other bytes in its place make some host or are refused.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "server/shard_store.hpp"

namespace {

using namespace convoy;
using namespace convoy::server;

void require(bool holds) {
  if (!holds) std::abort();
}

// Whatever is decoded is encoded to the same bytes again.
void decode_raw(std::string_view bytes) {
  const std::size_t head = bytes.size() > 0 ? static_cast<unsigned char>(bytes[0]) * 2 : 0;
  if (bytes.size() < head + 1) return;
  const std::string_view rest = bytes.substr(1 + head);
  std::vector<float> data(rest.size() / sizeof(float));
  if (!data.empty()) std::memcpy(data.data(), rest.data(), data.size() * sizeof(float));
  const std::string_view text = bytes.substr(1, head);
  try {
    const Message message = decode(text, std::as_bytes(std::span(data)));
    require(encode_head(message).size() == text.size());
  } catch (const WireError&) {
  }
}

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  // Mostly small, now and then of any size.
  std::int64_t number() {
    const std::uint8_t value = byte();
    if (value < 250) return value % 40;
    std::uint64_t wide = 0;
    for (int i = 0; i < 8; ++i) wide = wide << 8 | byte();
    return static_cast<std::int64_t>(wide >> 1);
  }

  // As many bytes as the first one says.
  Bytes part() {
    const std::size_t size = std::min<std::size_t>(byte(), rest_.size());
    const Bytes first(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return first;
  }

 private:
  std::string_view rest_;
};

enum class Way { together, alone, compressed };

ShardPlan small_plan(Way way) {
  ShardPlan plan;
  plan.options.consistency = way == Way::together ? "bsp" : "async";
  plan.options.compensation = way == Way::alone ? "dc_asgd" : "none";
  if (way == Way::compressed)
    plan.compression = {.kind = "top_k", .own = SparseOptions{.part = 0.25}};
  plan.lanes = 5;
  plan.steps = 30;
  plan.counts = {20, 7};
  return plan;
}

using Pieces = std::vector<std::vector<float>>;

Pieces snapshot_of(const ShardStore& shard_store, std::uint32_t shard) {
  Pieces pieces;
  SnapshotWriter out(
      [&](std::span<const float> data, bool) { pieces.emplace_back(data.begin(), data.end()); },
      256);
  shard_store.save(shard, out);
  out.finish();
  return pieces;
}

void restore(ShardStore& shard_store, std::uint32_t shard, const Pieces& pieces) {
  std::deque<SnapshotReader::Piece> read;
  for (const auto& piece : pieces) read.push_back({nullptr, piece});
  SnapshotReader in(std::move(read));
  shard_store.restore(shard, in);
}

// By their bits: there may be NaN among them.
bool same(const Pieces& left, const Pieces& right) {
  return std::equal(
      left.begin(), left.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
        return a.size() == b.size() &&
               (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
      });
}

void expect_the_same_again(const ShardStore& shard_store) {
  for (const std::uint32_t shard : {0U, 1U}) {
    const Pieces pieces = snapshot_of(shard_store, shard);
    ShardStore again(2);
    restore(again, shard, pieces);
    require(same(snapshot_of(again, shard), pieces));
  }
}

void plan(ShardStore& shard_store, Way way) {
  Message answer;
  Message plan;
  plan.kind = Kind::plan;
  plan.text = small_plan(way).text();
  plan.numbers = {1};
  require(shard_store.handle(plan, answer) && answer.kind == Kind::answer);
}

// Well-formed messages with fields as the input says.
void talk_to(ShardStore& shard_store, Bytes bytes) {
  Message answer;
  std::vector<float> data(64, 0.5F);
  while (!bytes.empty()) {
    Message m;
    m.kind = static_cast<Kind>(bytes.byte() % kinds + 1);
    m.shard = bytes.byte() % 3;
    m.flags = bytes.byte();
    m.array = bytes.byte() % 4;
    m.worker = bytes.byte() % 4;
    m.task = static_cast<std::uint64_t>(bytes.number());
    m.step = bytes.number();
    m.lanes = {bytes.number(), bytes.number()};
    m.first = bytes.number();
    m.count = bytes.number();
    m.version = bytes.number();
    m.numbers.assign(bytes.byte() % 16, 1);
    for (int rows = bytes.byte() % 4; rows > 0; --rows)
      m.rows.push_back(static_cast<std::uint64_t>(bytes.number()));
    if (m.kind == Kind::plan) m.text = small_plan(Way::compressed).text();
    if (m.kind == Kind::table) {
      RowTableOptions table;
      table.rows = 30;
      table.columns = 4;
      m.text = text_of(table);
    }
    m.data = std::span<const float>(data).first(bytes.byte() % 64);
    shard_store.handle(m, answer);
    require(answer.data.size() <= Limits::floats);
  }
  Message hello;
  hello.kind = Kind::statistics;
  require(shard_store.handle(hello, answer) && answer.kind == Kind::answer);
}

void talk(Bytes bytes, Way way) {
  ShardStore shard_store(2);
  plan(shard_store, way);
  talk_to(shard_store, bytes);
  expect_the_same_again(shard_store);
}

// Words of a snapshot in which the input changes some; what came of it is talked to.
void spoil(Bytes bytes, Way way) {
  ShardStore shard_store(2);
  plan(shard_store, way);
  Bytes talked = bytes.part();
  talk_to(shard_store, talked);
  Pieces pieces = snapshot_of(shard_store, 0);
  for (int changes = bytes.byte() % 8; changes > 0; --changes) {
    auto& piece = pieces[bytes.byte() % pieces.size()];
    if (piece.empty()) continue;
    const std::size_t at = (bytes.byte() * std::size_t{256} + bytes.byte()) % piece.size();
    const auto bits = static_cast<std::uint32_t>(bytes.number());
    std::memcpy(&piece[at], &bits, sizeof bits);
  }
  if (bytes.byte() % 4 == 0) pieces.resize(bytes.byte() % (pieces.size() + 1));
  ShardStore spoilt(2);
  try {
    restore(spoilt, 0, pieces);
  } catch (const RequestError&) {
  }
  talk_to(spoilt, bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(input) + 1, size - 1);
  const auto way = static_cast<Way>(input[0] % 4 - 1);
  if (input[0] % 4 == 0)
    decode_raw(bytes);
  else if (input[0] / 4 % 2 == 0)
    talk(Bytes(bytes), way);
  else
    spoil(Bytes(bytes), way);
  return 0;
}
