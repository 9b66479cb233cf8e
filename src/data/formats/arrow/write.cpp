#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/io/memory.h>
#include <arrow/table.h>
#include <parquet/arrow/writer.h>

#include "data/formats/arrow/batch_file.hpp"
#include "data/formats/arrow/pool.hpp"
#include "data/formats/arrow/results.hpp"

namespace convoy::columnar {
namespace {

constexpr std::int64_t rows_of_group = 1 << 20;

std::shared_ptr<arrow::Array> array_of(const Written& column) {
  if (!column.integers.empty()) {
    return std::make_shared<arrow::Int64Array>(static_cast<std::int64_t>(column.integers.size()),
                                               arrow::Buffer::Wrap(column.integers));
  }
  if (!column.texts.empty()) {
    arrow::StringBuilder builder(memory_pool());
    for (std::size_t i = 0; i < column.texts.size(); ++i) {
      const bool missing = !column.missing.empty() && column.missing[i];
      require(missing ? builder.AppendNull() : builder.Append(column.texts[i]));
    }
    return value_of(builder.Finish());
  }
  return std::make_shared<arrow::FloatArray>(static_cast<std::int64_t>(column.floats.size()),
                                             arrow::Buffer::Wrap(column.floats));
}

}  // namespace

std::string write_parquet(const std::vector<Written>& columns) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  for (const Written& column : columns) {
    arrays.push_back(array_of(column));
    fields.push_back(arrow::field(column.name, arrays.back()->type()));
  }
  const auto table = arrow::Table::Make(arrow::schema(fields), arrays);
  const auto out = value_of(arrow::io::BufferOutputStream::Create(1 << 16, memory_pool()));
  const auto properties =
      parquet::WriterProperties::Builder().compression(arrow::Compression::SNAPPY)->build();
  require(parquet::arrow::WriteTable(*table, memory_pool(), out, rows_of_group, properties));
  return value_of(out->Finish())->ToString();
}

}  // namespace convoy::columnar
