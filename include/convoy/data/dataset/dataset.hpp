#pragma once
// A dataset is samples by number. What a model trains on, whatever the files looked like.
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/spec.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Some samples, in the order asked for. n may be 0.
struct Batch {
  torch::Tensor features;  ///< float32 [n, feature_shape...]
  torch::Tensor target;    ///< int64 [n] (classification), float32 [n, 1] (binary: 0 or 1;
                           ///< regression: [n, outputs])
  std::vector<std::int64_t> samples;  ///< the sample numbers, in the dataset's own numbering
  std::int64_t size() const { return static_cast<std::int64_t>(samples.size()); }
};

/// Samples by number 0 .. size()-1. `read` is const and called from several threads at once: it
/// must be thread-safe and a pure function of its argument, or runs stop being reproducible. It
/// throws DataError for unreadable samples.
class Dataset {
 public:
  /// Changes the features of one sample of a batch in place, by its position there. `largest`: the
  /// largest value they can have; infinite where there is no bound.
  using Change =
      std::function<void(std::span<float> features, std::size_t position, float largest)>;

  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  virtual Batch read(std::span<const std::int64_t> samples) const = 0;
  /// The same with `change` applied to each sample as it is stored, where features are computed
  /// from something stored (before preprocessing), else to its features.
  virtual Batch read_changed(std::span<const std::int64_t> samples, const Change& change) const;
  virtual const DataSpec& spec() const = 0;
};

/// A dataset over two tensors in memory, row i of each being sample i.
/// Throws InputError when their sizes or types do not fit the task.
std::shared_ptr<Dataset> tensor_dataset(torch::Tensor features, torch::Tensor target,
                                        DataSpec spec);

/// Rows of another dataset, renumbered 0 .. rows.size()-1. Batch::samples holds the other dataset's
/// numbers.
std::shared_ptr<Dataset> subset(std::shared_ptr<const Dataset> dataset,
                                std::vector<std::int64_t> rows);

}  // namespace convoy

#pragma GCC visibility pop
