#pragma once
// A training state as the bytes of a file.
#include <span>
#include <string>
#include <vector>

#include "convoy/checkpoint/checkpoint.hpp"

namespace convoy {

/// A state ready to be written: what it says of itself, and its tensors where they lie in memory.
class EncodedState {
 public:
  /// `state`'s tensors must stay as they are until the parts have been used. Throws InputError for
  /// a type of tensor that the format does not know.
  explicit EncodedState(const CheckpointState& state);
  /// The file's bytes, in order; valid as long as this object.
  std::vector<std::span<const std::byte>> parts() const;

 private:
  std::string head_;
  std::vector<torch::Tensor> tensors_;  // dense
};

/// What a whole file says of itself.
struct CheckedState {
  std::int64_t step = 0;
  nlohmann::ordered_json meta;
  std::size_t tensors = 0;
};

/// As parse_state, but nothing is kept: all checksums are compared. Throws InputError naming the
/// byte, and the tensor where one is damaged.
CheckedState check_state(std::span<const std::byte> bytes, const std::string& name);

/// The header of a file alone, its checksum compared. Throws InputError.
nlohmann::ordered_json parse_header(std::span<const std::byte> bytes, const std::string& name);

}  // namespace convoy
