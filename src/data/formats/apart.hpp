#pragma once
// Work in a process of its own, which a file made to do harm, or a fault of a library that reads
// it, may end without ending this one.
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/descriptor.hpp"

namespace convoy {

/// Memory that the process which reads shares with the one that asked.
class ApartMemory {
 public:
  explicit ApartMemory(int fd) : fd_(fd) {}
  /// To be called once. Throws IoError when there is not enough.
  std::span<std::byte> allocate(std::size_t size);

 private:
  int fd_;
};

struct ApartResult {
  std::string answer;
  std::span<const std::byte> bytes;  ///< what was allocated
  std::shared_ptr<const void> owner;
};

/// Runs `work` in a child that may use `cpu_time`; what it returns is the answer. The child may
/// allocate memory and read what this process has, but has its one thread only and must not wait
/// for others. `file` is what it reads. Throws DataError when the child throws an Error, whose text
/// begins with the file's name, or dies; IoError when it cannot be started.
ApartResult run_apart(const std::string& file, std::chrono::seconds cpu_time,
                      const std::function<std::string(ApartMemory&)>& work);

}  // namespace convoy
