#include "server/snapshot.hpp"

#include <algorithm>

namespace convoy::server {

SnapshotWriter::SnapshotWriter(Sink sink, std::size_t piece)
    : sink_(std::move(sink)), piece_(piece) {}

void SnapshotWriter::put_bytes(const void* bytes, std::size_t size) {
  const auto* from = static_cast<const char*>(bytes);
  const std::size_t room = piece_.size() * sizeof(float);
  while (size > 0) {
    if (filled_ == room) {
      sink_(piece_, /*last=*/false);
      filled_ = 0;
    }
    const std::size_t now = std::min(size, room - filled_);
    std::memcpy(reinterpret_cast<char*>(piece_.data()) + filled_, from, now);
    filled_ += now;
    from += now;
    size -= now;
  }
}

void SnapshotWriter::put(const std::string& text) {
  put(std::uint64_t{text.size()});
  put_bytes(text.data(), text.size());
}

void SnapshotWriter::finish() {
  const std::size_t floats = floats_for(filled_);
  auto* bytes = reinterpret_cast<char*>(piece_.data());
  std::fill(bytes + filled_, bytes + floats * sizeof(float), '\0');
  sink_(std::span<const float>(piece_).first(floats), /*last=*/true);
}

SnapshotReader::SnapshotReader(std::deque<Piece> pieces) : pieces_(std::move(pieces)) {
  for (const Piece& piece : pieces_) left_ += piece.data.size_bytes();
}

void SnapshotReader::take(void* into, std::size_t size) {
  need(size, 1);
  auto* to = static_cast<char*>(into);
  while (size > 0) {
    const Piece& piece = pieces_.front();
    const std::size_t now = std::min(size, piece.data.size_bytes() - at_);
    std::memcpy(to, reinterpret_cast<const char*>(piece.data.data()) + at_, now);
    to += now;
    size -= now;
    at_ += now;
    left_ -= now;
    if (at_ < piece.data.size_bytes()) continue;
    pieces_.pop_front();
    at_ = 0;
  }
}

void SnapshotReader::need(std::size_t count, std::size_t bytes_each) const {
  if (count > left_ / bytes_each) throw RequestError("a snapshot ends too early");
}

std::size_t SnapshotReader::count(std::size_t bytes_each) {
  const auto count = get<std::uint64_t>();
  need(count, bytes_each);
  return static_cast<std::size_t>(count);
}

bool SnapshotReader::flag() {
  const auto value = get<std::uint8_t>();
  if (value > 1) throw RequestError("a snapshot with something else than yes or no");
  return value == 1;
}

std::int64_t SnapshotReader::number(std::int64_t least, std::int64_t most) {
  const auto value = get<std::int64_t>();
  if (value < least || value > most) throw RequestError("a snapshot with an impossible number");
  return value;
}

Range SnapshotReader::lanes(std::int64_t lanes) {
  const std::int64_t begin = number(0, lanes - 1);
  return {begin, number(begin + 1, lanes)};
}

std::string SnapshotReader::text() {
  const std::vector<char> bytes = list<char>();
  if (bytes.size() > Limits::text) throw RequestError("a snapshot with a text that is too long");
  return {bytes.begin(), bytes.end()};
}

void SnapshotReader::expect_end() const {
  if (left_ >= sizeof(float)) throw RequestError("a snapshot is longer than it should be");
}

}  // namespace convoy::server
