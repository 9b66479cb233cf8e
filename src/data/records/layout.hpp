#pragma once
// How prepared data lie in their folder (docs/records.md): an index of JSON, and shards of records
// of one size. Needs no libtorch; both are read as untrusted.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/record_folder.hpp"

namespace convoy {

/// A shard is a header of this size, then records.
inline constexpr std::size_t record_header_bytes = 64;
/// The code of a missing category.
inline constexpr std::uint32_t missing_code = 0xffffffff;

/// One value of a record, or the array of a sample.
struct RecordField {
  std::string name;
  bool target = false;
  bool categorical = false;  ///< the value is a u32 code into `categories`
  ElementType type = ElementType::f64;
  std::vector<std::int64_t> shape = {};                   ///< of a sample's array; empty: one value
  std::vector<std::string> categories = {};               ///< in order of first appearance
  std::int64_t missing = 0;                               ///< in how many records there is no value
  double low = std::numeric_limits<double>::quiet_NaN();  ///< of numbers; NaN: there are none
  double high = std::numeric_limits<double>::quiet_NaN();
  bool whole = false;  ///< all numbers are whole
  // By `lay_out`:
  std::size_t offset = 0;  ///< in the record, a multiple of the element's size
  std::size_t bytes = 0;
};

struct RecordShard {
  std::int64_t samples = 0;
  std::uint64_t bytes = 0;  ///< of the file
  std::uint64_t xxh3 = 0;   ///< of the checksums of its chunks, as the manifest has them
};

/// The samples of one split's files, one after the other.
struct RecordPart {
  std::string name;                 ///< train, validation or test
  std::string source;               ///< the files they were prepared from, for people
  bool array = false;               ///< the features are one array; else columns of a table
  bool integers = false;            ///< RawTarget::integers
  std::int64_t classes = 0;         ///< RawTarget::classes
  std::vector<RecordField> fields;  ///< features and targets, in the order of the files
  std::int64_t samples = 0;
  std::int64_t shard_samples = 0;  ///< of every shard but the last, which may have fewer
  std::vector<RecordShard> shards;
  // By `lay_out`:
  std::size_t record_bytes = 0;
  std::uint64_t fields_checksum = 0;
  /// Below the folder: "train/part-00007.records".
  std::string shard_file(std::size_t shard) const;
};

struct RecordIndex {
  std::vector<RecordPart> parts;
  const RecordPart* find(std::string_view name) const;
};

/// Computes where the fields are in a record: the widest elements first, so that each is aligned
/// and no room is lost between them, and a checksum of the fields. A record's size is a multiple of
/// its widest element's. Throws InputError when a record would be impossibly large.
void lay_out(RecordPart& part);

/// The index as JSON with a checksum of itself, and back. Reading throws DataError naming `name`;
/// what it returns is sound: sizes are positive, fit each other and do not overflow.
std::string format_record_index(const RecordIndex& index);
RecordIndex parse_record_index(std::string_view text, const std::string& name);

/// The header of a shard: "CONVOYRC", then numbers of 64 bits, little-endian: version, bytes of the
/// header, bytes of a record, records, number of the first one, XXH3 of the part's fields, XXH3 of
/// what is before.
std::vector<std::byte> format_record_header(const RecordPart& part, std::int64_t samples,
                                            std::int64_t first);
/// Throws DataError naming `name` unless `file` is shard number `shard` of the part by its size and
/// header.
void check_record_shard(std::span<const std::byte> file, const RecordPart& part, std::size_t shard,
                        const std::string& name);

}  // namespace convoy
