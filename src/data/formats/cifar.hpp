#pragma once
// CIFAR-10 and CIFAR-100, the binary version: a record is one byte of label (CIFAR-100: the coarse
// label, then the fine one) and 3072 bytes of pixels, 32 rows of 32 for each of red, green and blue
// (https://www.cs.toronto.edu/~kriz/cifar.html).
#include "convoy/data/formats/formats.hpp"

namespace convoy {

enum class Cifar { ten, hundred };

/// 10, or 100 fine ones.
std::int64_t classes_of(Cifar kind);

/// Whether the bytes can be nothing else: whole records, and every label within its range.
bool is_cifar(std::span<const std::byte> bytes, Cifar kind);

struct CifarSamples {
  Array features;  ///< u8 [samples, 3, 32, 32]
  Array labels;    ///< u8 [samples], the fine ones
};

/// Labels may be out of range. Throws DataError when the last record is not whole.
CifarSamples parse_cifar(std::span<const std::byte> bytes, const std::string& name, Cifar kind);

}  // namespace convoy
