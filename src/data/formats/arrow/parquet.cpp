// Parquet (https://parquet.apache.org/docs/file-format/).
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include "data/formats/arrow/batch_file.hpp"
#include "data/formats/arrow/pool.hpp"
#include "data/formats/arrow/results.hpp"

namespace convoy::columnar {
namespace {

/// Rows that are decoded at once: what they take of a column stays in the cache of a core.
constexpr std::int64_t rows_of_batch = 1 << 16;

void add_leaves(const parquet::arrow::SchemaField& field, std::vector<int>& leaves) {
  if (field.is_leaf()) leaves.push_back(field.column_index);
  for (const parquet::arrow::SchemaField& child : field.children) add_leaves(child, leaves);
}

class ParquetFile final : public BatchFile {
 public:
  explicit ParquetFile(std::span<const std::byte> bytes)
      : bytes_(std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<std::int64_t>(bytes.size()))) {
    auto file = open_file();
    metadata_ = file->metadata();
    for (int unit = 0; unit < metadata_->num_row_groups(); ++unit) {
      if (rows_of(unit) < 0) throw std::runtime_error("a row group says it has less than no rows");
    }
    find_texts();
    const auto reader = open_reader(std::move(file));
    for (const auto& field : reader->manifest().schema_fields)
      add_leaves(field, leaves_.emplace_back());
    std::shared_ptr<arrow::Schema> schema;
    require(reader->GetSchema(&schema));
    describe(*schema);
  }

  int units() const override { return metadata_->num_row_groups(); }
  std::int64_t rows_of(int unit) const override { return metadata_->RowGroup(unit)->num_rows(); }

 protected:
  NextBatch batches(int unit, const std::vector<int>& columns) const override {
    std::vector<int> leaves;
    for (const int column : columns) {
      const auto& own = leaves_.at(static_cast<std::size_t>(column));
      leaves.insert(leaves.end(), own.begin(), own.end());
    }
    const std::shared_ptr<parquet::arrow::FileReader> reader = open_reader(open_file());
    const std::shared_ptr<arrow::RecordBatchReader> batches =
        value_of(reader->GetRecordBatchReader({unit}, leaves));
    return [reader, batches, left = rows_of(unit)]() mutable {
      std::shared_ptr<arrow::RecordBatch> batch;
      require(batches->ReadNext(&batch));
      left -= batch ? batch->num_rows() : 0;
      if (left < 0 || (!batch && left > 0))
        throw std::runtime_error("a row group has another number of rows than it says");
      return batch;
    };
  }

 private:
  std::unique_ptr<parquet::ParquetFileReader> open_file() const {
    parquet::ReaderProperties properties(memory_pool());
    properties.set_page_checksum_verification(true);
    return parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes_),
                                            properties, metadata_);
  }

  /// Text comes as dictionaries, which most writers make of it anyway.
  void find_texts() {
    const parquet::SchemaDescriptor& schema = *metadata_->schema();
    for (int i = 0; i < schema.num_columns(); ++i) {
      const parquet::ColumnDescriptor& column = *schema.Column(i);
      const bool flat =
          column.max_repetition_level() == 0 && column.path()->ToDotVector().size() == 1;
      const auto& logical = column.logical_type();
      const bool text = !logical || logical->is_none() || logical->is_string() ||
                        logical->is_enum() || logical->is_JSON();
      if (flat && text && column.physical_type() == parquet::Type::BYTE_ARRAY) texts_.push_back(i);
    }
  }

  std::unique_ptr<parquet::arrow::FileReader> open_reader(
      std::unique_ptr<parquet::ParquetFileReader> file) const {
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_batch_size(rows_of_batch);
    properties.set_pre_buffer(false);  // the bytes are in memory
    for (const int leaf : texts_) properties.set_read_dictionary(leaf, true);
    return value_of(parquet::arrow::FileReader::Make(memory_pool(), std::move(file), properties));
  }

  std::shared_ptr<arrow::Buffer> bytes_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::vector<int> texts_;                // leaves that are read as dictionaries
  std::vector<std::vector<int>> leaves_;  // of the file's columns
};

}  // namespace

std::unique_ptr<File> open_parquet(std::span<const std::byte> bytes) {
  return std::make_unique<ParquetFile>(bytes);
}

}  // namespace convoy::columnar
