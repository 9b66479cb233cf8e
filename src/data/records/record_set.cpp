#include "data/records/record_set.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <unordered_map>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

/// The codes of some rows: categories are numbered as they come.
class CodesOfRows {
 public:
  CodesOfRows(const RecordField& field, Column& column) : field_(field), column_(column) {}

  void add(const std::byte* record, const std::string& file, std::int64_t row) {
    std::uint32_t code = 0;
    std::memcpy(&code, record + field_.offset, sizeof code);
    if (code == missing_code) {
      column_.codes.push_back(-1);
      return;
    }
    if (code >= field_.categories.size())
      throw DataError(
          fmt::format("{}, sample {}", file, row),
          fmt::format("column {} has a code that is none; the shard is damaged", field_.name));
    const auto [known, fresh] =
        own_.try_emplace(code, static_cast<std::int32_t>(column_.categories.size()));
    if (fresh) column_.categories.push_back(field_.categories[code]);
    column_.codes.push_back(known->second);
  }

 private:
  const RecordField& field_;
  Column& column_;
  std::unordered_map<std::uint32_t, std::int32_t> own_;
};

}  // namespace

RecordSet::RecordSet(const std::filesystem::path& folder, RecordPart part, std::string checksum,
                     std::shared_ptr<PageKeeper> pages,
                     const std::function<void(const std::filesystem::path&)>& check)
    : part_(std::move(part)),
      name_(part_.name == "train" ? folder.string()
                                  : fmt::format("{}#{}", folder.string(), part_.name)),
      checksum_(std::move(checksum)),
      pages_(std::move(pages)) {
  for (std::size_t shard = 0; shard < part_.shards.size(); ++shard) {
    const std::filesystem::path file = folder / part_.shard_file(shard);
    check(file);
    const MappedFile mapped(file);
    check_record_shard(mapped.bytes(), part_, shard, file.string());
    shards_.push_back(mapped);
  }
  // Last: what is told to the keeper must be taken back.
  for (const MappedFile& shard : shards_) {
    pages_->add(shard.bytes());
    pages_->use(shard.bytes().first(record_header_bytes));  // its header was read
  }
}

RecordSet::~RecordSet() {
  for (const MappedFile& shard : shards_) pages_->remove(shard.bytes());
}

const std::byte* RecordSet::at(std::int64_t row) const {
  const std::int64_t shard = row / part_.shard_samples;
  return shards_[static_cast<std::size_t>(shard)].bytes().data() + record_header_bytes +
         static_cast<std::size_t>(row - shard * part_.shard_samples) * part_.record_bytes;
}

const std::byte* RecordSet::use(std::int64_t row) const {
  const std::byte* const record = at(row);
  pages_->use({record, part_.record_bytes});
  return record;
}

void RecordSet::read_ahead(std::int64_t begin, std::int64_t end) const {
  while (begin < end) {
    const std::int64_t shard_end =
        std::min(end, (begin / part_.shard_samples + 1) * part_.shard_samples);
    PageKeeper::read_ahead(
        {at(begin), static_cast<std::size_t>(shard_end - begin) * part_.record_bytes});
    begin = shard_end;
  }
}

std::vector<Column> RecordSet::columns(std::span<const std::size_t> fields,
                                       std::span<const std::int64_t> rows) const {
  std::vector<Column> out;
  std::vector<CodesOfRows> codes;
  out.reserve(fields.size());
  for (const std::size_t index : fields) {
    const RecordField& field = part_.fields[index];
    Column& column = out.emplace_back();
    column.name = field.name;
    column.categorical = field.categorical;
    (field.categorical ? column.codes.reserve(rows.size()) : column.numbers.reserve(rows.size()));
    codes.emplace_back(field, column);
  }
  for (const std::int64_t row : rows) {
    const std::byte* const record = use(row);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const RecordField& field = part_.fields[fields[i]];
      if (field.categorical) {
        codes[i].add(record, name_, row);
        continue;
      }
      double number = 0;
      to_doubles(field.type, record + field.offset, {&number, 1});
      out[i].numbers.push_back(number);
    }
  }
  return out;
}

Frame RecordView::frame(std::span<const std::int64_t> rows) const {
  // Features and targets in one go over the records.
  std::vector<std::size_t> fields = features;
  fields.insert(fields.end(), target.begin(), target.end());
  std::vector<Column> columns = set->columns(fields, rows);
  Frame frame;
  frame.file = set->name();
  const auto middle = columns.begin() + static_cast<std::ptrdiff_t>(features.size());
  frame.targets.assign(std::make_move_iterator(middle), std::make_move_iterator(columns.end()));
  columns.erase(middle, columns.end());
  frame.features = std::move(columns);
  frame.numbers.assign(rows.begin(), rows.end());
  return frame;
}

Column head_of(const RecordField& field) {
  Column column;
  column.name = field.name;
  column.categorical = field.categorical;
  column.categories = field.categories;
  return column;
}

}  // namespace convoy
