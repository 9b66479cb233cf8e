#include "launch/output_relay.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>

namespace convoy {
namespace {

constexpr std::chrono::seconds same_line_window{2};
constexpr std::string_view our_prefix = "convoy: ";

}  // namespace

void write_all_of(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd entry{fd, POLLOUT, 0};
      ::poll(&entry, 1, -1);
    } else if (errno != EINTR) {
      return;  // nobody listens any more; the workers go on
    }
  }
}

void log_line(const std::string& line) {
  write_all_of(STDERR_FILENO, fmt::format("convoy: {}\n", line));
}

void OutputRelay::pass_on(int number, const std::vector<std::string>& lines, int to) {
  std::string text;
  for (const std::string& line : lines) {
    if (to == STDERR_FILENO && logged_already(number, line)) continue;
    text += fmt::format("[{}] {}\n", number, line);
  }
  write_all_of(to, text);
}

// Workers that fail for one reason, such as a wrong job file, all say so: once is enough.
bool OutputRelay::logged_already(int number, const std::string& line) {
  if (!line.starts_with(our_prefix)) return false;
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(logged_,
                [&](const auto& entry) { return now - entry.second.when > same_line_window; });
  const auto [said, first] = logged_.try_emplace(line, LoggedLine{number, now});
  return !first && said->second.number != number;
}

std::string describe(const Ending& ending, std::string_view last_error_line) {
  if (ending.signal != 0) {
    const char* name = ::sigabbrev_np(ending.signal);
    return fmt::format("was killed by signal {} (SIG{})", ending.signal, name ? name : "?");
  }
  if (last_error_line.starts_with(our_prefix)) last_error_line.remove_prefix(our_prefix.size());
  return last_error_line.empty()
             ? fmt::format("failed with status {}", ending.status)
             : fmt::format("failed with status {}: {}", ending.status, last_error_line);
}

}  // namespace convoy
