#include "launch/worker_environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace convoy {

std::vector<std::string> inherited_environment() {
  constexpr std::array<std::string_view, 16> own = {
      "CONVOY_RANK=",        "CONVOY_WORKERS=",   "CONVOY_LOCAL_RANK=", "CONVOY_LOCAL_WORKERS=",
      "CONVOY_HOST=",        "CONVOY_HOSTS=",     "CONVOY_RENDEZVOUS=", "CONVOY_SECRET=",
      "CONVOY_SECRET_FILE=", "CONVOY_SECRET_FD=", "CONVOY_WORKER=",     "CONVOY_STORE=",
      "CONVOY_HEARTBEAT=",   "CONVOY_SERVERS=",   "CONVOY_LEAST=",      "CONVOY_LOST_AFTER="};
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool ours = std::any_of(own.begin(), own.end(),
                                  [&](std::string_view name) { return text.starts_with(name); });
    if (!ours) result.emplace_back(text);
  }
  return result;
}

}  // namespace convoy
