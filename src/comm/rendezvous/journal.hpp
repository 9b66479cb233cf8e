#pragma once
// The rendezvous' changes on disk, so that a server that is started anew knows what the last one
// knew.
//
// A file is magic, then records: u32 size of the body, u32 check of this header, u64 XXH3 of the
// body, body. The check is the lower half of the XXH3 of the other 12 bytes of the header, so that
// a damaged size is not taken for an unfinished record. A body is u8 kind, key, and for a set the
// value, as fields of the wire.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/descriptor.hpp"

namespace convoy::rendezvous {

/// Not thread-safe; one at a time may have a file open. A change survives the end of the process,
/// however it comes, once the call returns; a power cut may take back the last ones.
class Journal {
 public:
  /// A key and its value now; nothing: it was removed.
  using Visit = std::function<void(std::string_view key, std::optional<std::string_view> value)>;
  /// Calls the function given for each key that is there.
  using ForEach = std::function<void(const Visit&)>;

  /// Replays what the file holds, nothing when it is missing. What a killed server left unfinished
  /// at its end does not count; InputError, with file and byte, for other damage. rewrite() must
  /// follow.
  Journal(std::filesystem::path file, const Visit& replay);

  /// Throw IoError when it cannot be written; then the change is not in the file.
  void set(std::string_view key, std::string_view value);
  void remove(std::string_view key);

  /// Replaces the file by one that holds these keys and no history. Throws IoError; unless it was
  /// the first time, nothing is lost then and the journal goes on.
  void rewrite(const ForEach& for_each);
  /// It is several times as large as rewrite() would make it.
  bool overgrown() const { return size_ > limit_; }

 private:
  void append(std::string_view record);
  void open();

  const std::filesystem::path file_;
  std::optional<Descriptor> out_;  // of the file in place
  std::uint64_t size_ = 0;
  std::uint64_t limit_ = 0;  // the size at which to rewrite
  bool torn_ = false;        // bytes of a record that failed may be behind size_
};

}  // namespace convoy::rendezvous
