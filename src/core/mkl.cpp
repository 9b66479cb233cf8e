#include "core/mkl.hpp"

#include <dlfcn.h>

#include <cstdlib>

namespace convoy {
namespace {

// MKL_CBWR_... of mkl_types.h, which libtorch does not come with.
constexpr int branch_off = 1;
constexpr int branch_auto = 2;
constexpr int branch_avx2 = 10;
constexpr int branch_avx512 = 12;
constexpr int ask_branch = 1;
constexpr int unsupported_branch = -3;

using MklCall = int (*)(int);

MklCall find_mkl(const char* linked_in, const char* of_library) {
  if (void* call = dlsym(RTLD_DEFAULT, linked_in)) return reinterpret_cast<MklCall>(call);
  return reinterpret_cast<MklCall>(dlsym(RTLD_DEFAULT, of_library));
}

}  // namespace

MklState settle_mkl(std::string_view isa) {
  const MklCall set = find_mkl("mkl_serv_cbwr_set", "MKL_CBWR_Set");
  const MklCall get = find_mkl("mkl_serv_cbwr_get", "MKL_CBWR_Get");
  if (set == nullptr || get == nullptr) return MklState::absent;
  if (std::getenv("MKL_CBWR") != nullptr)
    return get(ask_branch) > branch_off ? MklState::settled : MklState::refused;
  const int branch = isa == "avx2" ? branch_avx2 : isa == "avx512" ? branch_avx512 : branch_auto;
  int status = set(branch);
  // Branches by name are for CPUs of Intel; on others MKL has one way, which `auto` makes
  // reproducible.
  if (status == unsupported_branch) status = set(branch_auto);
  return status == 0 ? MklState::settled : MklState::refused;
}

}  // namespace convoy
