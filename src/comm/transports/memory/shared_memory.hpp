#pragma once
// Memory that the processes of a host share.
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>

namespace convoy {

/// Anonymous shared memory (a memfd): it has no name, and goes away with the last process that has
/// it mapped, however that ends. Another process of the same user reaches it through /proc.
class SharedMemory {
 public:
  /// Zeros. Throws IoError.
  static SharedMemory create(std::size_t bytes);
  /// What process `pid` created with file descriptor `fd`; nothing if it has closed it since, or
  /// has ended (the descriptor may stand for something else then, which another size tells). Throws
  /// IoError where this process may not, or cannot.
  static std::optional<SharedMemory> open(pid_t pid, int fd, std::size_t bytes);

  std::byte* data() const { return data_.get(); }
  const std::shared_ptr<std::byte>& owner() const { return data_; }
  /// Of the creator, until close_fd.
  int fd() const { return fd_ ? *fd_ : -1; }
  /// When everybody has opened it.
  void close_fd() { fd_.reset(); }

 private:
  SharedMemory(int fd, std::size_t bytes);
  std::shared_ptr<int> fd_;
  std::shared_ptr<std::byte> data_;
};

}  // namespace convoy
