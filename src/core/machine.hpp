#pragma once
// What machine this is and what the process uses of it.
#include <cstdint>
#include <string>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// The CPU's name as the system gives it, "unknown" where it does not.
std::string cpu_name();
/// The most memory this process has held so far, in bytes; 0 where the system does not say.
std::int64_t peak_memory_bytes();

/// This machine's name; empty when it has none.
std::string host_name();
/// The cores that this process may use, at least 1.
int usable_cores();
/// The cores that the machine has, whoever may use them.
int online_cores();

/// Makes the allocator keep freed memory instead of returning it to the system at once: tensors of
/// a step are freed and allocated again each step. A short run of the benchmarks' CNN at batch 256
/// took 1,030,000 page faults with glibc's defaults, 127,000 with this. For the whole process; does
/// nothing where the C library is not glibc.
void keep_freed_memory();

}  // namespace convoy

#pragma GCC visibility pop
