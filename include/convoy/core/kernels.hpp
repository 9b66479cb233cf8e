#pragma once
// The kernels that this process computes with, libtorch's own, MKL's and oneDNN's: which of the
// CPU's instructions they may use, that they are the same ones from the first call on, whichever
// thread makes it, and what bits they give (docs/determinism.md).
#include <string>
#include <string_view>

#include "convoy/core/error.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// This worker computes other bits than the job promises, which goes on without it. Exit 78
/// (sysexits' EX_CONFIG).
class RefusedError : public InputError {
 public:
  using InputError::InputError;
};

/// Makes libtorch, MKL and oneDNN use what CONVOY_ISA says in this process and those it starts:
/// avx2, avx512, or default (as if it were not set): whatever each finds best on this CPU. It sets
/// environment variables that they read at their first operation, so a program calls it before
/// that, while it has one thread; `convoy` does it first of all. Throws InputError when CONVOY_ISA
/// is something else or the CPU has no such instructions.
void pin_instruction_set();
/// The same for a program that decides by itself: sets CONVOY_ISA to `isa`.
void pin_instruction_set(std::string_view isa);

/// Does what must be done before threads compute side by side, once a process (some 10 ms): pins
/// the instruction set, tells MKL to give the same bits wherever in memory tensors lie, and has
/// every kernel that is chosen at its first call chosen, on one thread. Trainer, Predictor and
/// load_splits call it; a program whose own threads compute before that calls it first.
/// Thread-safe. Throws InputError as pin_instruction_set, and when libtorch has computed with other
/// instructions than CONVOY_ISA says already. Where MKL has been used already it says so on the
/// standard error, and batches are copied to aligned memory.
void prepare_kernels();

/// What this process computes with, prepared.
struct Kernels {
  std::string cpu;            ///< its name as the system gives it
  std::string isa;            ///< what libtorch's kernels use: "avx512", "avx2", "default", ...
  bool pinned = false;        ///< because CONVOY_ISA says so
  std::string libtorch;       ///< its version
  bool any_alignment = true;  ///< bits do not depend on where in memory tensors lie
  /// 16 hex digits: what came of matrix products, convolutions, vector functions and the like in
  /// float32, and the settings of libtorch that decide bits. Processes with the same digest give
  /// each other's bits; with another one they do not.
  std::string digest;
};
Kernels kernels();

}  // namespace convoy

#pragma GCC visibility pop
