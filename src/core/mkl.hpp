#pragma once
// Intel's MKL where libtorch uses it, linked into libtorch_cpu or as a library of its own.
#include <string_view>

namespace convoy {

enum class MklState {
  absent,   ///< libtorch uses another BLAS
  settled,  ///< gives the same bits wherever operands lie in memory
  refused,  ///< it does not: it has been used before, or the user's MKL_CBWR says so
};

/// MKL sums in another order when an operand starts at another offset within a vector register,
/// unless told to be reproducible ("conditional numerical reproducibility"), which it takes before
/// its first call only. `isa`: as CONVOY_ISA, empty for whatever suits this CPU. What the user's
/// own MKL_CBWR says stays.
MklState settle_mkl(std::string_view isa);

}  // namespace convoy
