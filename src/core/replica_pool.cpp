#include "core/replica_pool.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include "convoy/core/kernels.hpp"
#include "core/machine.hpp"
#include "core/relax.hpp"

namespace convoy {
namespace {

// Phases of small models follow each other within microseconds: look before sleeping, but not for
// long, as a prefetcher may be waiting for this core.
constexpr int looks = 2000;

template <class Value>
void wait_while(const std::atomic<Value>& value, Value old) {
  for (int i = 0; i < looks; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

// at::set_num_threads does it for MKL and for an OpenBLAS with OpenMP, which PyPI's libtorch has.
// One with threads of its own, as a libtorch of other origin may have, takes them from the replicas
// and divides a product over as many as it got.
void make_blas_single_threaded() {
  using SetThreads = void (*)(int);
  if (auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
    set(1);
}

// Before anything that might be MKL's first call.
int threads_of_prepared_caller() {
  prepare_kernels();
  return at::get_num_threads();
}

}  // namespace

ReplicaPool::ReplicaPool(int replicas)
    : errors_(static_cast<std::size_t>(replicas)), caller_threads_(threads_of_prepared_caller()) {
  make_blas_single_threaded();
  keep_freed_memory();
  at::set_num_threads(1);
  for (int replica = 1; replica < replicas; ++replica)
    threads_.emplace_back([this, replica] { serve(replica); });
}

ReplicaPool::~ReplicaPool() {
  stopping_ = true;
  generation_.fetch_add(1);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  at::set_num_threads(caller_threads_);
}

void ReplicaPool::run(const std::function<void(int)>& phase) {
  phase_ = &phase;
  std::fegetenv(&arithmetic_);
  running_.store(static_cast<std::uint32_t>(threads_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  call(0);
  for (std::uint32_t left = running_.load(std::memory_order_acquire); left != 0;
       left = running_.load(std::memory_order_acquire)) {
    wait_while(running_, left);
  }
  for (std::exception_ptr& error : errors_) {
    if (!error) continue;
    const std::exception_ptr first = error;
    for (std::exception_ptr& other : errors_) other = nullptr;
    std::rethrow_exception(first);
  }
}

void ReplicaPool::serve(int replica) {
  at::set_num_threads(1);
  std::uint32_t seen = 0;
  while (true) {
    wait_while(generation_, seen);
    ++seen;
    if (stopping_.load(std::memory_order_acquire)) return;
    std::fesetenv(&arithmetic_);
    call(replica);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

void ReplicaPool::call(int replica) {
  try {
    (*phase_)(replica);
  } catch (...) {
    errors_[static_cast<std::size_t>(replica)] = std::current_exception();
  }
}

}  // namespace convoy
