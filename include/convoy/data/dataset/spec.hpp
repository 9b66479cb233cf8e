#pragma once
// What is known of samples before any is read. No libtorch in this header.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// What the target is, which decides the losses and metrics that fit.
enum class Task { classification, binary, regression };

inline constexpr std::array all_tasks = {Task::classification, Task::binary, Task::regression};

/// As the job file writes it: classification, binary, regression.
std::string_view name_of(Task task);

/// What one sample looks like.
struct DataSpec {
  std::vector<std::int64_t> feature_shape;  ///< without the batch dimension, e.g. {1, 28, 28}
  Task task = Task::classification;
  std::int64_t outputs = 0;  ///< classes (classification), 1 (binary), target columns (regression)
  std::vector<std::string>
      class_names;  ///< size `outputs` for classification, 2 for binary, else empty
  std::vector<std::string>
      feature_names;  ///< tabular data only: one per feature after preprocessing, else empty
};

}  // namespace convoy

#pragma GCC visibility pop
