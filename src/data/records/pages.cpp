#include "data/records/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

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
  // Units of it are let go of in their turn, which finds no mapping there.
}

void PageKeeper::use(std::span<const std::byte> bytes) {
  if (limit_ == 0 || bytes.empty()) return;
  const std::uintptr_t begin = address_of(bytes.data());
  const std::lock_guard lock(mutex_);
  for (std::uintptr_t unit = begin / unit_bytes; unit * unit_bytes < begin + bytes.size(); ++unit)
    use_unit(unit);
  while (order_.size() > 1 && order_.size() * unit_bytes > limit_) {
    const std::uintptr_t oldest = order_.back();
    order_.pop_back();
    known_.erase(oldest);
    let_go(oldest);
  }
}

void PageKeeper::use_unit(std::uintptr_t unit) {
  if (!order_.empty() && order_.front() == unit) return;
  const auto found = known_.find(unit);
  if (found != known_.end()) {
    order_.splice(order_.begin(), order_, found->second);
    return;
  }
  order_.push_front(unit);
  known_.emplace(unit, order_.begin());
}

void PageKeeper::let_go(std::uintptr_t unit) {
  const std::uintptr_t begin = unit * unit_bytes;
  const std::uintptr_t end = begin + unit_bytes;
  // Only what is mapped of it: next to it there may be memory of others.
  auto mapping = mappings_.upper_bound(begin);
  if (mapping != mappings_.begin()) --mapping;
  for (; mapping != mappings_.end() && mapping->first < end; ++mapping) {
    const std::uintptr_t from = std::max(begin, mapping->first);
    const std::uintptr_t to = std::min(end, mapping->second);
    if (from < to) advise(from, to, MADV_DONTNEED);
  }
}

void PageKeeper::read_ahead(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::uintptr_t begin = address_of(bytes.data());
  advise(begin / page_bytes() * page_bytes(), page_end(begin + bytes.size()), MADV_WILLNEED);
}

}  // namespace convoy
