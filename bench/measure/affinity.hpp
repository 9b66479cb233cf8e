#pragma once
// Which cores a thread may run on.
#include <sched.h>

namespace convoy::bench {

/// Binds the calling thread to the `which`-th of the cores that it may run on, or does nothing when
/// there are fewer than `parties`: then they have to share.
inline void bind_to_core(const cpu_set_t& allowed, int which, int parties) {
  if (CPU_COUNT(&allowed) < parties) return;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || which-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    ::sched_setaffinity(0, sizeof(one), &one);
    return;
  }
}

/// The calling thread, and those that it starts, may run on all of `cores` while this lives.
class Unbound {
 public:
  explicit Unbound(const cpu_set_t& cores) {
    ::sched_getaffinity(0, sizeof(before_), &before_);
    ::sched_setaffinity(0, sizeof(cores), &cores);
  }
  ~Unbound() { ::sched_setaffinity(0, sizeof(before_), &before_); }
  Unbound(const Unbound&) = delete;
  Unbound& operator=(const Unbound&) = delete;

 private:
  cpu_set_t before_;
};

}  // namespace convoy::bench
