#pragma once
// The system calls by which Convoy writes what must last, with the faults of a plan
// (core/fault.hpp). As the calls of the same names: -1 and errno when they fail. `path` is what a
// plan knows the file by.
#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <span>

namespace convoy::system_call {

int open(const std::filesystem::path& path, int flags, mode_t mode = 0);
ssize_t write(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path);
/// fsync, once more when a signal interrupts it.
int sync(int fd, const std::filesystem::path& path);
int rename(const std::filesystem::path& from, const std::filesystem::path& to);
/// The descriptor is closed, whatever is returned.
int close(int fd, const std::filesystem::path& path);

}  // namespace convoy::system_call
