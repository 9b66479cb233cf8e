#pragma once
// The target: from columns of numbers or names to what losses compute with.
#include <nlohmann/json.hpp>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/options.hpp"
#include "data/integrity/bad_samples.hpp"
#include "data/sources/origin.hpp"

namespace convoy {

/// Target columns as read, row i being row i of the features.
struct RawTarget {
  std::vector<Column> columns;
  bool integers =
      false;  ///< from an array of integers: class numbers, unless the job says otherwise
  std::int64_t classes = 0;  ///< how many there are by the format (CIFAR); 0: it does not say
  Origin file;
  std::int64_t rows() const;
};

/// Labels in an IDX or NPY file: [N], or [N, k] for k columns. Throws DataError for any other
/// shape, and for a label that is not finite, unless `bad` takes its sample.
RawTarget target_of_array(const Array& labels, const Origin& file, BadSamples* bad = nullptr);

/// The labels of a LIBSVM file, NaN where there is none. They are names of classes where the job
/// asks for classes, or asks for nothing and two labels are all there are (-1 and +1); but class
/// numbers where it says how many classes and they are from 0 to below that. `categorical`: what
/// the training file's are.
RawTarget target_of_labels(std::vector<double> labels, const Origin& file, const DataOptions& data,
                           const bool* categorical = nullptr);

/// Class numbers below `classes`, as some formats have them; NaN where there is none.
RawTarget target_of_classes(std::vector<double> labels, std::int64_t classes, const Origin& file);

/// What the target means, decided on the training files, and how to encode it.
class TargetCode {
 public:
  /// task auto: two values, 0/1 or names, are binary; names, class numbers in an integer array, or
  /// data.classes make it classification; anything else is regression. Class names are sorted (as
  /// numbers if all are numbers); of two, the second is the positive class. Throws InputError /
  /// DataError when data and job do not fit.
  static TargetCode decide(const RawTarget& target, const DataOptions& data);

  /// Adds the samples whose target `encode` would refuse to `bad`, those without a target excepted:
  /// row i is sample `first` + i.
  void find_bad(const RawTarget& target, BadSamples& bad, std::int64_t first = 0) const;

  /// The target as Batch::target holds it. `numbers[i]` is the number of row i in the file, for
  /// messages. Throws DataError naming file and sample for a missing, unknown or impossible value.
  torch::Tensor encode(const std::vector<Column>& columns, std::span<const std::int64_t> numbers,
                       const Origin& file) const;

  /// Fills in task, outputs and class_names.
  void describe(DataSpec& spec) const;

  const std::vector<std::string>& columns() const { return columns_; }
  bool categorical() const { return categorical_; }

  nlohmann::ordered_json to_json() const;
  /// Throws InputError or nlohmann's exceptions when the record is damaged.
  static TargetCode from_json(const nlohmann::ordered_json& json);

 private:
  /// What is wrong with a number or a name as a target; empty: nothing.
  std::string problem_of(double x) const;
  std::string problem_of(const std::string& name) const;
  torch::Tensor encode_numbers(const std::vector<Column>& columns,
                               std::span<const std::int64_t> numbers, const Origin& file) const;
  torch::Tensor encode_names(const Column& column, std::span<const std::int64_t> numbers,
                             const Origin& file) const;

  Task task_ = Task::regression;
  bool categorical_ = false;
  std::int64_t outputs_ = 1;
  std::vector<std::string> class_names_;
  std::vector<std::string> columns_;
};

}  // namespace convoy
