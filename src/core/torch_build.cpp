#include "convoy/core/torch_build.hpp"

#include <ATen/Version.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include <regex>

namespace convoy {
namespace {

// The first group of `pattern` in a text of libtorch's; empty where it is not there.
std::string found_in(const std::string& text, const std::string& pattern) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? match[1].str() : std::string();
}

std::string blas_name(const std::string& config) {
  const std::string mkl = found_in(at::get_mkl_version(), "Version ([0-9.]+)");
  if (!mkl.empty()) return "MKL " + mkl;
  const std::string name = found_in(config, "BLAS_INFO=([a-z_A-Z0-9]+)");
  return name.empty() ? "no BLAS" : "BLAS " + name;
}

}  // namespace

std::string torch_build() {
  const std::string config = at::show_config();
  std::string version = found_in(config, "TORCH_VERSION=([0-9][0-9a-z.+]*)");
  if (version.empty()) version = TORCH_VERSION;
  const std::string onednn = found_in(at::get_mkldnn_version(), "v([0-9.]+)");
  return fmt::format("libtorch {}, {}, {}, CPU capability {}, {}", version, blas_name(config),
                     onednn.empty() ? "no oneDNN" : "oneDNN " + onednn, at::get_cpu_capability(),
                     at::hasCUDA() ? "CUDA" : "no CUDA");
}

}  // namespace convoy
