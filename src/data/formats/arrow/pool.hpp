#pragma once
#include <arrow/memory_pool.h>

namespace convoy::columnar {

/// Where Arrow takes memory from: the system's allocator, whose settings are Convoy's. It refuses
/// what no file needs at once, as a damaged one may ask for anything.
arrow::MemoryPool* memory_pool();

}  // namespace convoy::columnar
