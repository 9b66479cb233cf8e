#pragma once
// One part of prepared data, its shards mapped.
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "convoy/core/file.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "data/records/layout.hpp"
#include "data/records/pages.hpp"

namespace convoy {

/// Immutable, thread-safe.
class RecordSet {
 public:
  /// Maps the shards and checks their sizes and headers. `check` is called with each file before
  /// it is opened. Throws DataError naming the shard.
  RecordSet(const std::filesystem::path& folder, RecordPart part, std::string checksum,
            std::shared_ptr<PageKeeper> pages,
            const std::function<void(const std::filesystem::path&)>& check);
  ~RecordSet();
  RecordSet(const RecordSet&) = delete;
  RecordSet& operator=(const RecordSet&) = delete;

  const RecordPart& part() const { return part_; }
  const std::string& name() const { return name_; }  ///< for messages
  std::int64_t samples() const { return part_.samples; }
  /// Of all records.
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(samples()) * part_.record_bytes; }
  /// Whether the records are more than this worker may keep in memory.
  bool is_large() const { return pages_->limit() > 0 && bytes() > pages_->limit(); }
  std::uint64_t limit() const { return pages_->limit(); }
  /// Says what is in all shards, as the index has it.
  const std::string& checksum() const { return checksum_; }

  /// A record, which is about to be read now.
  const std::byte* use(std::int64_t row) const;

  /// Records begin .. end-1 will be read soon.
  void read_ahead(std::int64_t begin, std::int64_t end) const;

  /// These fields of these rows as columns. Of categories only those that the rows have are in a
  /// column, with codes of their own.
  std::vector<Column> columns(std::span<const std::size_t> fields,
                              std::span<const std::int64_t> rows) const;

 private:
  const std::byte* at(std::int64_t row) const;

  RecordPart part_;
  std::string name_;
  std::string checksum_;
  std::shared_ptr<PageKeeper> pages_;
  std::vector<MappedFile> shards_;
};

/// The fields of a part that a job uses.
struct RecordView {
  std::shared_ptr<const RecordSet> set;
  std::vector<std::size_t> features;  ///< in the job's order; of an array the one field
  std::vector<std::size_t> target;

  const RecordField& feature(std::size_t i) const { return set->part().fields[features[i]]; }
  /// Of array features: the elements of a sample.
  const std::byte* array(std::int64_t row) const { return set->use(row) + feature(0).offset; }
  std::vector<Column> targets(std::span<const std::int64_t> rows) const {
    return set->columns(target, rows);
  }
  /// Of a table: these rows, none of the steps applied.
  Frame frame(std::span<const std::int64_t> rows) const;
};

/// Names, types and categories of a field, without values.
Column head_of(const RecordField& field);

}  // namespace convoy
