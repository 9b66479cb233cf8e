#pragma once
// Arrow's results as values and exceptions.
#include <arrow/result.h>
#include <arrow/status.h>

#include <stdexcept>
#include <utility>

namespace convoy::columnar {

inline void require(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

template <typename T>
T value_of(arrow::Result<T> result) {
  require(result.status());
  return std::move(result).ValueUnsafe();
}

}  // namespace convoy::columnar
