#pragma once

namespace convoy {

/// In a loop that waits for another core: spares power and this core's other thread.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace convoy
