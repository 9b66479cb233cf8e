#include "report/event_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <vector>

#include "report/progress_format.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

/// "worker 2 (host a)".
std::string worker_of(const Json& event) {
  const std::string worker = member_text(event, "worker");
  const std::string host = member_text(event, "host");
  return fmt::format("{}{}", worker.empty() ? "a worker" : "worker " + worker,
                     host.empty() ? "" : fmt::format(" (host {})", host));
}

std::string workers_of(const Json& event, const char* one, const char* many) {
  const double workers = member_number(event, "workers");
  if (!(workers > 0)) return "";
  return fmt::format("; {} {}", format_count(workers), workers == 1 ? one : many);
}

std::string after(const char* separator, const std::string& text) {
  return text.empty() ? "" : separator + text;
}

std::string lost(const Json& event) {
  std::string result = worker_of(event) + " lost" + after(": ", member_text(event, "reason")) +
                       workers_of(event, "worker goes on", "workers go on");
  const double seconds = member_number(event, "recovery_seconds");
  if (!std::isnan(seconds)) result += fmt::format(" after {}", format_seconds(seconds));
  return result;
}

std::string joined(const Json& event) {
  const std::string from = member_text(event, "from");
  return fmt::format("{} joined{}{}", worker_of(event),
                     from.empty() ? "" : fmt::format(" with the state of {}", from),
                     workers_of(event, "worker now", "workers now"));
}

/// How many lanes each worker has now: "worker 0 has 3, worker 1 has 5". Empty for many workers.
std::string lanes_by_worker(const Json& event) {
  constexpr std::size_t most_shown = 8;
  const auto lanes = event.find("lanes");
  if (lanes == event.end() || !lanes->is_array()) return "";
  std::map<std::int64_t, std::int64_t> counts;
  for (const Json& range : *lanes) {
    if (!range.is_array() || range.size() != 4 || !range[0].is_number_integer() ||
        !range[3].is_number_integer())
      return "";
    counts[range[0].get<std::int64_t>()] += range[3].get<std::int64_t>();
  }
  std::string result;
  if (counts.size() > most_shown) return result;
  for (const auto& [worker, count] : counts)
    result += fmt::format("{}worker {} has {}", result.empty() ? "" : ", ", worker, count);
  return result;
}

std::string moved(const Json& event) {
  std::string result = "lanes moved" + after(": ", member_text(event, "reason")) +
                       after("; ", lanes_by_worker(event));
  const double before = member_number(event, "imbalance_before");
  const double then = member_number(event, "imbalance_after");
  if (!std::isnan(before)) result += fmt::format("; imbalance {:.2f}", before);
  if (!std::isnan(before) && !std::isnan(then)) result += fmt::format(", {:.2f} expected", then);
  return result;
}

std::string repaired(const Json& event) {
  const std::string what = member_text(event, "what");
  const bool one = event.contains("worker") && event["worker"].is_number();
  return fmt::format("repaired{}{}{}", after(" ", what),
                     one ? fmt::format(" of {}", worker_of(event)) : "",
                     after(": ", member_text(event, "text")));
}

std::string recovered(const Json& event) {
  const double seconds = member_number(event, "seconds");
  const std::string generation = member_text(event, "generation");
  return fmt::format("the group goes on{}{}",
                     std::isnan(seconds) ? "" : " after " + format_seconds(seconds),
                     generation.empty() ? "" : fmt::format(", as generation {}", generation));
}

// Which size of bucket was the fastest.
std::string tuned(const Json& event) {
  const double bytes = member_number(event, "bucket_bytes");
  if (!(bytes > 0)) return "gradients leave when backward has ended: the fastest of what was tried";
  return fmt::format("gradients leave in buckets of {}: the fastest of what was tried",
                     format_bytes(bytes));
}

}  // namespace

std::string describe_event(const Json& event) {
  const std::string kind = member_text(event, "event");
  if (kind == "lost") return lost(event);
  if (kind == "joined") return joined(event);
  if (kind == "moved") return moved(event);
  if (kind == "repaired") return repaired(event);
  if (kind == "recovered") return recovered(event);
  if (kind == "tuned") return tuned(event);
  if (kind == "checkpoint_failed") {
    return fmt::format("checkpoint failed{}; training goes on",
                       after(": ", member_text(event, "reason")));
  }
  return "";
}

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string member_text(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end()) return "";
  return printable(found->is_string()
                       ? found->get<std::string>()
                       : found->dump(-1, ' ', false, Json::error_handler_t::replace));
}

double member_number(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_number() ? found->get<double>() : std::nan("");
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  if (seconds < 0.01) return fmt::format("{:.2f} ms", 1000 * seconds);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", 1000 * seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  return format_duration(seconds);
}

std::string format_bytes(double bytes) {
  if (!std::isfinite(bytes) || bytes < 0) return "?";
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1023.95 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units[unit]);
}

}  // namespace convoy
