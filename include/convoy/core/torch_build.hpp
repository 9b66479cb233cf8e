#pragma once
// Which libtorch this process runs with.
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// One line: its version, BLAS, oneDNN, the kernels' CPU capability (AVX2, AVX512, ...) and CUDA if
/// any: "libtorch 2.13.0, MKL 2024.2, oneDNN 3.12.0, CPU capability AVX512, no CUDA". The version
/// is that of the library that is loaded. Thread-safe.
std::string torch_build();

}  // namespace convoy

#pragma GCC visibility pop
