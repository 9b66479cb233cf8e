#include "server/wire.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "convoy/core/checksum.hpp"

namespace convoy::server {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "CVPS";
constexpr std::uint8_t wire_version = 2;

class Writer {
 public:
  template <class T>
  void put(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put(std::string_view text) { out_.append(text); }
  template <class T>
  void put(const std::vector<T>& values) {
    out_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  std::string take() { return std::move(out_); }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) throw WireError("a message ends too early");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  template <class T>
  T get() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  template <class T>
  std::vector<T> list(std::size_t count) {
    const std::string_view bytes = take(count * sizeof(T));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

std::size_t limited(std::uint64_t size, std::size_t most, std::string_view what) {
  if (size > most)
    throw WireError(fmt::format("a message has {} {}, the most is {}", size, what, most));
  return static_cast<std::size_t>(size);
}

std::uint64_t checksum(std::string_view head, std::span<const std::byte> data) {
  const std::uint64_t sums[] = {xxh3(std::as_bytes(std::span(head.data(), head.size()))),
                                data.empty() ? 0 : xxh3(data)};
  return xxh3(std::as_bytes(std::span(sums)));
}

std::int64_t not_negative(std::int64_t value) {
  if (value < 0) throw WireError("a message has a negative number where none can be");
  return value;
}

double finite(double value) {
  if (!std::isfinite(value)) throw WireError("a message has a number that is not finite");
  return value;
}

}  // namespace

std::string encode_head(const Message& m) {
  limited(m.data.size(), Limits::floats, "elements");
  limited(m.numbers.size(), Limits::numbers, "numbers");
  limited(m.rows.size(), Limits::rows, "rows");
  limited(m.text.size(), Limits::text, "bytes of text");
  Writer out;
  out.put(magic);
  out.put(wire_version);
  out.put(static_cast<std::uint8_t>(m.kind));
  out.put(std::uint16_t{0});
  for (const std::uint32_t field : {m.shard, m.flags, m.array}) out.put(field);
  for (const std::uint64_t field : {m.sequence, m.request, m.generation, m.worker, m.task})
    out.put(field);
  for (const std::int64_t field : {m.step, m.lanes.begin, m.lanes.end, m.first, m.count, m.version})
    out.put(field);
  for (const double field : {m.rate, m.scale, m.clip}) out.put(field);
  for (const std::size_t size : {m.numbers.size(), m.rows.size(), m.text.size(), m.data.size()})
    out.put(static_cast<std::uint32_t>(size));
  out.put(m.numbers);
  out.put(m.rows);
  out.put(std::string_view(m.text));
  out.put(checksum(out.bytes(), std::as_bytes(m.data)));
  return out.take();
}

Message decode(std::string_view head, std::span<const std::byte> data) {
  Reader in(head);
  if (in.take(magic.size()) != magic) throw WireError("no message of a parameter server");
  if (const auto version = in.get<std::uint8_t>(); version != wire_version)
    throw WireError(fmt::format("a message of version {}, this is {}", version, wire_version));
  Message m;
  const auto kind = in.get<std::uint8_t>();
  if (kind == 0 || kind > kinds) throw WireError(fmt::format("a message of unknown kind {}", kind));
  m.kind = static_cast<Kind>(kind);
  in.get<std::uint16_t>();
  for (std::uint32_t* field : {&m.shard, &m.flags, &m.array}) *field = in.get<std::uint32_t>();
  for (std::uint64_t* field : {&m.sequence, &m.request, &m.generation, &m.worker, &m.task})
    *field = in.get<std::uint64_t>();
  for (std::int64_t* field :
       {&m.step, &m.lanes.begin, &m.lanes.end, &m.first, &m.count, &m.version})
    *field = not_negative(in.get<std::int64_t>());
  for (double* field : {&m.rate, &m.scale, &m.clip}) *field = finite(in.get<double>());
  const auto numbers = limited(in.get<std::uint32_t>(), Limits::numbers, "numbers");
  const auto rows = limited(in.get<std::uint32_t>(), Limits::rows, "rows");
  const auto text = limited(in.get<std::uint32_t>(), Limits::text, "bytes of text");
  const auto floats = limited(in.get<std::uint32_t>(), Limits::floats, "elements");
  if (in.left() != numbers * 8 + rows * 8 + text + 8 || data.size() != floats * sizeof(float))
    throw WireError("a message is not as long as it says");
  m.numbers = in.list<double>(numbers);
  m.rows = in.list<std::uint64_t>(rows);
  m.text = in.take(text);
  if (in.get<std::uint64_t>() != checksum(head.substr(0, head.size() - 8), data))
    throw WireError("a message came damaged: its checksum is wrong");
  m.data = {reinterpret_cast<const float*>(data.data()), floats};
  return m;
}

}  // namespace convoy::server
