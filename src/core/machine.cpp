#include "core/machine.hpp"

#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>

namespace convoy {
namespace {

// The value of the first "key: value" line of a file below /proc.
std::string first_value(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const auto colon = line.find(':');
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && begin != std::string::npos) return line.substr(begin);
  }
  return {};
}

}  // namespace

std::string cpu_name() {
  const std::string name = first_value("/proc/cpuinfo", "model name");
  return name.empty() ? "unknown" : name;
}

std::int64_t peak_memory_bytes() {
  const std::string value = first_value("/proc/self/status", "VmHWM");
  return value.empty() ? 0 : std::stoll(value) * 1024;
}

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

int usable_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return 1;
}

int online_cores() {
  return std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int largest_from_heap = 32 << 20;  // the most that glibc accepts
  constexpr int growth = 64 << 20;
  ::mallopt(M_MMAP_THRESHOLD, largest_from_heap);
  ::mallopt(M_TRIM_THRESHOLD, INT_MAX);
  ::mallopt(M_TOP_PAD, growth);
#endif
}

}  // namespace convoy
