#pragma once
// A shard's whole state as a sequence of bytes in pieces, which makes another server its backup:
// numbers as they lie in memory (little-endian), lists and text after their length.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "server/wire.hpp"

namespace convoy::server {

/// Cuts what is put into pieces and gives each to a sink, which copies it: so no more than a piece
/// is here at a time.
class SnapshotWriter {
 public:
  static constexpr std::size_t usual_piece = std::size_t{2} << 20;  ///< floats: 8 MiB

  /// `piece`: of this many floats' bytes; the last one may be shorter.
  using Sink = std::function<void(std::span<const float> piece, bool last)>;
  explicit SnapshotWriter(Sink sink, std::size_t piece = usual_piece);

  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    put_bytes(&value, sizeof value);
  }
  void put(const std::string& text);
  /// Without their number.
  template <class T>
  void put_all(std::span<const T> values) {
    put_bytes(values.data(), values.size_bytes());
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(std::uint64_t{values.size()});
    put_all(std::span<const T>(values));
  }
  template <class T>
  void put(const std::set<T>& values) {
    put(std::vector<T>(values.begin(), values.end()));
  }
  template <class K, class V>
  void put(const std::map<K, V>& values) {
    put(std::uint64_t{values.size()});
    for (const auto& [key, value] : values) {
      put(key);
      put(value);
    }
  }
  void put(Range range) {
    put(range.begin);
    put(range.end);
  }
  /// The last piece; nothing may be put after it.
  void finish();

 private:
  void put_bytes(const void* bytes, std::size_t size);

  Sink sink_;
  std::vector<float> piece_;
  std::size_t filled_ = 0;  // bytes of it
};

/// The reverse, of bytes that anybody may have sent: everything throws RequestError when there are
/// fewer than needed, before memory is taken for them.
class SnapshotReader {
 public:
  struct Piece {
    std::shared_ptr<const void> memory;  ///< of data; released once it is read
    std::span<const float> data;
  };
  explicit SnapshotReader(std::deque<Piece> pieces);

  std::size_t left() const { return left_; }
  template <class T>
  T get() {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    take(&value, sizeof value);
    return value;
  }
  bool flag();
  /// From `least` to `most`.
  std::int64_t number(std::int64_t least, std::int64_t most);
  /// Not empty and within [0, lanes).
  Range lanes(std::int64_t lanes);
  std::string text();
  /// How many things follow of which each has at least so many bytes.
  std::size_t count(std::size_t bytes_each);
  template <class T>
  void read(std::span<T> values) {
    take(values.data(), values.size_bytes());
  }
  template <class T>
  std::vector<T> list(std::size_t count) {
    need(count, sizeof(T));
    std::vector<T> values(count);
    read(std::span<T>(values));
    return values;
  }
  template <class T>
  std::vector<T> list() {
    return list<T>(count(sizeof(T)));
  }
  template <class T>
  std::set<T> set() {
    const std::vector<T> values = list<T>();
    return {values.begin(), values.end()};
  }
  template <class K, class V>
  std::map<K, V> map() {
    std::map<K, V> values;
    for (std::size_t left = count(sizeof(K) + sizeof(V)); left > 0; --left) {
      const K key = get<K>();
      values[key] = get<V>();
    }
    return values;
  }
  /// That `count` things of `bytes_each` bytes are there.
  void need(std::size_t count, std::size_t bytes_each) const;
  /// That everything was read, but for what fills the last piece.
  void expect_end() const;

 private:
  void take(void* into, std::size_t size);

  std::deque<Piece> pieces_;
  std::size_t at_ = 0;  // in the first one, in bytes
  std::size_t left_ = 0;
};

}  // namespace convoy::server
