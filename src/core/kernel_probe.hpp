#pragma once
// What this process' kernels make of given numbers.
#include <cstdint>
#include <string>

namespace convoy {

/// XXH3 over the results of what models are made of: matrix products, convolutions, normalisation,
/// attention, recurrent layers, with their gradients where those have kernels of their own, vector
/// functions, random numbers. In float32, small, on a thread of its own without other threads'
/// help; so every kernel among them that is chosen at its first call is chosen then.
std::uint64_t probe_kernels();

/// The settings of libtorch that decide bits as they are now, as text.
std::string kernel_settings();

}  // namespace convoy
