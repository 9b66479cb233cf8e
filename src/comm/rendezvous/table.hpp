#pragma once
// The keys that a rendezvous serves, and their journal if it has one.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "comm/rendezvous/journal.hpp"

namespace convoy::rendezvous {

/// Not thread-safe.
class Table {
 public:
  /// Keys and values together; what goes beyond is refused.
  static constexpr std::size_t max_bytes = std::size_t{1} << 30;

  /// Without a journal.
  Table() = default;
  /// With what the journal holds. From now on a change of a key that does not begin with '~' is in
  /// the file before the call returns. Throws what Journal throws.
  explicit Table(const std::filesystem::path& journal);
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Null when it is absent.
  const std::string* find(const std::string& key) const;
  /// Throws InputError when the table is full, IoError when the journal cannot be written; nothing
  /// is changed then.
  void set(const std::string& key, std::string value);
  /// Whether it was there. Throws IoError as set() does.
  bool remove(const std::string& key);
  /// Calls `visit(key, value)` for each key that begins with `prefix`, in order.
  template <class Visit>
  void for_each(const std::string& prefix, Visit&& visit) const {
    for (auto entry = values_.lower_bound(prefix);
         entry != values_.end() && entry->first.starts_with(prefix); ++entry)
      visit(entry->first, entry->second);
  }
  std::size_t count() const { return values_.size(); }
  /// Changes whenever a key is added: who waits for one may look again.
  std::uint64_t additions() const { return additions_; }

 private:
  std::size_t size_with(const std::string& key, const std::string& value) const;
  void put(const std::string& key, std::string value);
  void erase(const std::string& key);
  void compact();
  void try_compact();

  std::map<std::string, std::string> values_;
  std::size_t bytes_ = 0;
  std::uint64_t additions_ = 0;
  std::optional<Journal> journal_;
};

}  // namespace convoy::rendezvous
