// Arrow's own files and streams (https://arrow.apache.org/docs/format/Columnar.html#format-ipc);
// Feather's second version is the former.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>

#include <algorithm>

#include "data/formats/arrow/batch_file.hpp"
#include "data/formats/arrow/pool.hpp"
#include "data/formats/arrow/results.hpp"

namespace convoy::columnar {
namespace {

/// A file of more batches has several in a unit: each unit reads the file's dictionaries.
constexpr int most_units = 256;

std::shared_ptr<arrow::Buffer> buffer_of(std::span<const std::byte> bytes) {
  return std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                         static_cast<std::int64_t>(bytes.size()));
}

arrow::ipc::IpcReadOptions reading(const std::vector<int>& columns) {
  arrow::ipc::IpcReadOptions options = arrow::ipc::IpcReadOptions::Defaults();
  options.memory_pool = memory_pool();
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  options.use_threads = false;
  options.included_fields = columns;
  return options;
}

/// The bytes are anybody's: offsets and indices may point anywhere.
std::shared_ptr<arrow::RecordBatch> checked(std::shared_ptr<arrow::RecordBatch> batch) {
  require(batch->ValidateFull());
  return batch;
}

class IpcFile final : public BatchFile {
 public:
  explicit IpcFile(std::span<const std::byte> bytes) : bytes_(buffer_of(bytes)) {
    const auto reader = open_reader({});
    batches_ = reader->num_record_batches();
    batches_a_unit_ = std::max(1, (batches_ + most_units - 1) / most_units);
    rows_a_batch_ = batches_ > 0 ? value_of(reader->CountRows()) / batches_ : 0;
    describe(*reader->schema());
  }

  int units() const override { return (batches_ + batches_a_unit_ - 1) / batches_a_unit_; }
  std::int64_t rows_of(int) const override { return rows_a_batch_ * batches_a_unit_; }

 protected:
  NextBatch batches(int unit, const std::vector<int>& columns) const override {
    const int end = std::min(batches_, (unit + 1) * batches_a_unit_);
    return [reader = open_reader(columns), at = unit * batches_a_unit_,
            end]() mutable -> std::shared_ptr<arrow::RecordBatch> {
      if (at == end) return nullptr;
      return checked(value_of(reader->ReadRecordBatch(at++)));
    };
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> open_reader(
      const std::vector<int>& columns) const {
    return value_of(arrow::ipc::RecordBatchFileReader::Open(
        std::make_shared<arrow::io::BufferReader>(bytes_), reading(columns)));
  }

  std::shared_ptr<arrow::Buffer> bytes_;
  int batches_ = 0;
  int batches_a_unit_ = 1;
  std::int64_t rows_a_batch_ = 0;
};

class IpcStream final : public BatchFile {
 public:
  explicit IpcStream(std::span<const std::byte> bytes) : bytes_(buffer_of(bytes)) {
    describe(*open_reader({})->schema());
  }

  int units() const override { return 1; }
  std::int64_t rows_of(int) const override { return -1; }

 protected:
  NextBatch batches(int, const std::vector<int>& columns) const override {
    return [reader = open_reader(columns)]() -> std::shared_ptr<arrow::RecordBatch> {
      std::shared_ptr<arrow::RecordBatch> batch;
      require(reader->ReadNext(&batch));
      return batch ? checked(std::move(batch)) : nullptr;
    };
  }

 private:
  std::shared_ptr<arrow::RecordBatchReader> open_reader(const std::vector<int>& columns) const {
    return value_of(arrow::ipc::RecordBatchStreamReader::Open(
        std::make_shared<arrow::io::BufferReader>(bytes_), reading(columns)));
  }

  std::shared_ptr<arrow::Buffer> bytes_;
};

}  // namespace

std::unique_ptr<File> open_ipc(std::span<const std::byte> bytes, Storage storage) {
  if (storage == Storage::ipc_stream) return std::make_unique<IpcStream>(bytes);
  return std::make_unique<IpcFile>(bytes);
}

}  // namespace convoy::columnar
