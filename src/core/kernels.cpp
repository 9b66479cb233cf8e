#include "convoy/core/kernels.hpp"

#include <ATen/Version.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "core/aligned.hpp"
#include "core/kernel_probe.hpp"
#include "core/machine.hpp"
#include "core/mkl.hpp"

namespace convoy {
namespace {

constexpr const char* isa_variable = "CONVOY_ISA";

bool cpu_has(std::string_view isa) {
#if defined(__x86_64__)
  if (isa == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd");
#else
  static_cast<void>(isa);
  return false;
#endif
}

// What CONVOY_ISA pins; empty: nothing.
std::string pinned_isa() {
  const char* value = std::getenv(isa_variable);
  const std::string isa = value == nullptr ? "" : value;
  if (isa.empty() || isa == "default") return {};
  if (isa != "avx2" && isa != "avx512")
    throw InputError(
        fmt::format("{}: '{}' is no instruction set that can be pinned; write avx2, "
                    "avx512 or default",
                    isa_variable, isa));
  if (!cpu_has(isa))
    throw InputError(fmt::format("{}: this CPU ({}) has no {}; write {}", isa_variable, cpu_name(),
                                 isa, isa == "avx512" && cpu_has("avx2") ? "avx2" : "default"));
  return isa;
}

// What ATen's own kernels use, as CONVOY_ISA would call it.
std::string aten_isa() {
  std::string isa = at::get_cpu_capability();
  std::transform(isa.begin(), isa.end(), isa.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return isa;
}

struct Prepared {
  std::string pinned;
  std::uint64_t bits = 0;
  bool settled = true;

  Prepared() {
    pin_instruction_set();
    pinned = pinned_isa();
    if (!pinned.empty() && aten_isa() != pinned)
      throw InputError(
          fmt::format("{}={}: libtorch has computed with {} already; set it before the program "
                      "starts, or call convoy::pin_instruction_set first of all",
                      isa_variable, pinned, aten_isa()));
    settled = settle_mkl(pinned) != MklState::refused;
    if (!settled) {
      fmt::print(stderr,
                 "convoy: MKL was used, or set by MKL_CBWR, before it could be told to give the "
                 "same bits wherever tensors lie; batches are copied to aligned memory (call "
                 "convoy::prepare_kernels first, or set MKL_CBWR=AUTO)\n");
    }
    bits = probe_kernels();
  }
};

const Prepared& prepared() {
  static const Prepared once;
  return once;
}

}  // namespace

void pin_instruction_set() {
  const std::string isa = pinned_isa();
  if (isa.empty()) return;
  const bool wide = isa == "avx512";
  ::setenv("ATEN_CPU_CAPABILITY", isa.c_str(), 1);
  ::setenv("ONEDNN_MAX_CPU_ISA", wide ? "AVX512_CORE" : "AVX2", 1);
  ::setenv("MKL_ENABLE_INSTRUCTIONS", wide ? "AVX512" : "AVX2", 1);
}

void pin_instruction_set(std::string_view isa) {
  ::setenv(isa_variable, std::string(isa).c_str(), 1);
  pin_instruction_set();
}

void prepare_kernels() {
  prepared();
}

torch::Tensor aligned(torch::Tensor tensor) {
  constexpr std::uintptr_t cache_line = 64;
  if (prepared().settled || !tensor.defined() || !tensor.device().is_cpu()) return tensor;
  const bool starts_line =
      reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % cache_line == 0;
  return starts_line ? tensor : tensor.clone();
}

Kernels kernels() {
  const Prepared& ready = prepared();
  const std::string all = fmt::format("{:016x} {}", ready.bits, kernel_settings());
  return {.cpu = cpu_name(),
          .isa = aten_isa(),
          .pinned = !ready.pinned.empty(),
          .libtorch = TORCH_VERSION,
          .any_alignment = ready.settled,
          .digest = fmt::format("{:016x}", xxh3(std::as_bytes(std::span(all.data(), all.size()))))};
}

}  // namespace convoy
