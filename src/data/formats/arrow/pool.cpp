#include "data/formats/arrow/pool.hpp"

#include <arrow/status.h>

#include <string>

namespace convoy::columnar {
namespace {

constexpr std::int64_t most_at_once = 1 << 30;  // pages have less than 2 GiB, and usually 1 MiB

class Pool final : public arrow::MemoryPool {
 public:
  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Free;
  using arrow::MemoryPool::Reallocate;

  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override {
    if (size > most_at_once) return refusal(size);
    return system_->Allocate(size, alignment, out);
  }
  arrow::Status Reallocate(int64_t before, int64_t size, int64_t alignment,
                           uint8_t** memory) override {
    if (size > most_at_once) return refusal(size);
    return system_->Reallocate(before, size, alignment, memory);
  }
  void Free(uint8_t* memory, int64_t size, int64_t alignment) override {
    system_->Free(memory, size, alignment);
  }
  int64_t bytes_allocated() const override { return system_->bytes_allocated(); }
  int64_t max_memory() const override { return system_->max_memory(); }
  int64_t total_bytes_allocated() const override { return system_->total_bytes_allocated(); }
  int64_t num_allocations() const override { return system_->num_allocations(); }
  std::string backend_name() const override { return system_->backend_name(); }

 private:
  static arrow::Status refusal(int64_t size) {
    return arrow::Status::OutOfMemory("it asks for ", size, " bytes at once, more than ",
                                      most_at_once);
  }

  arrow::MemoryPool* system_ = arrow::system_memory_pool();
};

}  // namespace

arrow::MemoryPool* memory_pool() {
  static Pool pool;
  return &pool;
}

}  // namespace convoy::columnar
