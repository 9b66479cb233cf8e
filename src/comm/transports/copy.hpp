#pragma once
// Copies and additions between ordinary memory and the rings.
#include <cstddef>

namespace convoy {

/// As memcpy. glibc's uses `rep movsb` from a few KiB on, which AMD's Zen cores run four times
/// slower than a plain loop when both addresses lie alike within their pages (glibc bug 30994);
/// rings and large buffers often do.
void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes);

/// into[i] += from[i] for `bytes / 4` float32 values.
void add_floats(std::byte* into, const std::byte* from, std::size_t bytes);

}  // namespace convoy
