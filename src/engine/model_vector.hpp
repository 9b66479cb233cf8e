#pragma once
// All that training changes in a model, as one array in the host's memory: the trainable parameters
// one after the other, then the buffers that are float (running statistics).
#include <span>
#include <vector>

#include "convoy/comm/compression/compression.hpp"
#include "engine/flat_parameters.hpp"

namespace convoy {

class ModelVector {
 public:
  explicit ModelVector(FlatParameters& weights);

  std::size_t size() const { return size_; }
  std::size_t parameters() const { return parameters_; }  ///< of them the first ones
  void read(std::span<Element> values) const;
  void write(std::span<const Element> values);

  /// The parameters that are matrices; those of more dimensions as (first) x (the others).
  std::vector<PowerSgd::Matrix> matrices() const;

 private:
  FlatParameters& weights_;
  std::size_t parameters_ = 0;
  std::size_t size_ = 0;
};

}  // namespace convoy
