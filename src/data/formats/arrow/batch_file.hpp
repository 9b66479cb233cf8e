#pragma once
// What files of Parquet and of Arrow share: their columns, and rows taken from record batches.
#include <arrow/record_batch.h>

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "data/formats/arrow/convert.hpp"
#include "data/formats/columnar_component.hpp"

namespace convoy::columnar {

/// The next record batch; null at the end.
using NextBatch = std::function<std::shared_ptr<arrow::RecordBatch>()>;

class BatchFile : public File {
 public:
  const std::vector<Field>& fields() const final { return fields_; }
  std::unique_ptr<Cursor> open(int unit, std::span<const Wanted> wanted) const final;

 protected:
  /// Batches of a unit with these of the file's columns, which ascend.
  virtual NextBatch batches(int unit, const std::vector<int>& columns) const = 0;

  /// To be called by constructors. Throws std::runtime_error.
  void describe(const arrow::Schema& schema);

 private:
  void add_field(const arrow::DataType& type, const std::string& name, FieldPlace place);
  void add_list(const arrow::DataType& type, const std::string& name, FieldPlace place,
                std::int64_t width);
  void add(Field field, FieldPlace place);
  std::int64_t first_list_length(const FieldPlace& place) const;

  std::vector<Field> fields_;
  std::vector<FieldPlace> places_;
};

/// `bytes` must outlive what is returned.
std::unique_ptr<File> open_parquet(std::span<const std::byte> bytes);
std::unique_ptr<File> open_ipc(std::span<const std::byte> bytes, Storage storage);

/// A Parquet file.
std::string write_parquet(const std::vector<Written>& columns);

}  // namespace convoy::columnar
