#pragma once
// What machine this is and what the process uses of it.
#include <cstdint>
#include <string>

namespace convoy {

/// The CPU's name as the system gives it, "unknown" where it does not.
std::string cpu_name();
/// The most memory this process has held so far, in bytes; 0 where the system does not say.
std::int64_t peak_memory_bytes();

}  // namespace convoy
