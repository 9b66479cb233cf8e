#include "data/records/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace convoy {
namespace {

std::uintptr_t address_of(const std::byte* bytes) {
  return reinterpret_cast<std::uintptr_t>(bytes);
}

std::uintptr_t page_bytes() {
  static const auto size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::uintptr_t page_end(std::uintptr_t address) {
  return (address + page_bytes() - 1) / page_bytes() * page_bytes();
}

void advise(std::uintptr_t begin, std::uintptr_t end, int advice) {
  // It is advice: where the system does not take it, memory is used as it likes.
  ::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
}

}  // namespace

void PageKeeper::add(std::span<const std::byte> mapping) {
  const std::lock_guard lock(mutex_);
  const std::uintptr_t begin = address_of(mapping.data());
  mappings_[begin] = page_end(begin + mapping.size());
}

void PageKeeper::remove(std::span<const std::byte> mapping) {
  const std::lock_guard lock(mutex_);
  mappings_.erase(address_of(mapping.data()));
}

void PageKeeper::use(std::span<const std::byte> bytes) {
  if (limit_ == 0 || bytes.empty()) return;
  const std::uintptr_t begin = address_of(bytes.data());
  const std::uintptr_t last = (begin + bytes.size() - 1) / unit_bytes;
  const std::lock_guard lock(mutex_);
  for (std::uintptr_t unit = begin / unit_bytes; unit <= last; ++unit) {
    if (!used_.insert(unit).second || used_.size() * unit_bytes <= limit_ / 2) continue;
    let_go();
    used_ = {unit};
  }
}

void PageKeeper::let_go() {
  for (const auto& [begin, end] : mappings_) advise(begin, end, MADV_DONTNEED);
}

void PageKeeper::read_ahead(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::uintptr_t begin = address_of(bytes.data());
  advise(begin / page_bytes() * page_bytes(), page_end(begin + bytes.size()), MADV_WILLNEED);
}

}  // namespace convoy
