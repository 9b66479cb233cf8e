#pragma once
// CONVOY_VECTORISE: compiles a loop for the machine's widest vectors and picks at load time. Bits
// do not depend on the choice: the build forbids contraction and such loops are element-wise, or
// keep a fixed set of partial sums.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(CONVOY_SANITIZED)
#define CONVOY_VECTORISE \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CONVOY_VECTORISE
#endif
