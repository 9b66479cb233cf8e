#include "report/progress_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "report/event_text.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShortestBar = 8;
constexpr std::size_t kLongestBar = 40;
constexpr const char* kGap = "  ";

std::string paint(const std::string& what, const char* code, const ProgressStyle& style) {
  return style.colour && !what.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, what) : what;
}

std::string repeat(const char* what, std::size_t times) {
  std::string result;
  while (times-- > 0) result += what;
  return result;
}

double part_done(const ProgressState& state) {
  if (state.steps <= 0) return 0;
  return std::clamp(static_cast<double>(state.step) / static_cast<double>(state.steps), 0.0, 1.0);
}

std::string draw_bar(double part, std::size_t width, const ProgressStyle& style) {
  const auto halves = static_cast<std::size_t>(part * static_cast<double>(2 * width));
  const std::size_t full = halves / 2;
  if (!style.utf8) {
    return paint(repeat("#", full), "36", style) + paint(repeat("-", width - full), "2", style);
  }
  const std::size_t half = halves % 2;
  return paint(repeat("━", full) + repeat("╸", half), "36", style) +
         paint(repeat("─", width - full - half), "2", style);
}

std::string epoch_text(const ProgressState& state) {
  if (state.epochs <= 0) return "";
  const double last = std::ceil(state.epochs);
  return fmt::format("epoch {:.0f}/{:.0f}", std::clamp(std::ceil(state.epoch), 1.0, last), last);
}

std::string left_text(const ProgressState& state) {
  return state.seconds_left > 0 ? "left " + format_duration(state.seconds_left) : "";
}

std::string speed_text(const ProgressState& state) {
  return state.samples_per_second > 0 ? format_count(state.samples_per_second) + " samples/s" : "";
}

// The parts of the line around the bar, in the order shown.
struct LiveLine {
  std::string epoch, percent, step, speed, loss, left;
  bool bar = true;

  std::string after_bar() const {
    std::string result;
    for (const std::string* part : {&percent, &step, &speed, &loss, &left}) {
      if (part->empty()) continue;
      if (!result.empty() || bar) result += kGap;
      result += *part;
    }
    return result;
  }
  std::size_t width_without_bar() const {
    return epoch.size() + after_bar().size() +
           (epoch.empty() || (!bar && after_bar().empty()) ? 0
            : bar                                          ? 1
                                                           : 2);
  }
  bool fits(std::size_t width) const {
    return width_without_bar() + (bar ? kShortestBar : 0) <= width;
  }
};

// Leaves parts out, the least important first, until the line fits.
void fit(LiveLine& line, std::size_t width) {
  if (!line.fits(width)) line.step.clear();
  if (!line.fits(width)) line.bar = false;
  for (std::string* part : {&line.speed, &line.epoch, &line.left, &line.loss, &line.percent}) {
    if (!line.fits(width)) part->clear();
  }
}

std::string metrics_text(const Json& metrics) {
  std::string result;
  const auto add = [&](const char* key, double scale, const char* pattern) {
    const double value = member_number(metrics, key);
    if (!std::isnan(value))
      result += fmt::format("  {} {}", key, fmt::format(fmt::runtime(pattern), value * scale));
  };
  add("loss", 1, "{:.4f}");
  add("accuracy", 100, "{:.2f}%");
  if (metrics.is_object() && metrics.contains("roc_curve")) add("roc_auc", 1, "{:.4f}");
  add("rmse", 1, "{:.4g}");
  add("r2", 1, "{:.4f}");
  add("invalid_outputs", 1, "{:.0f}");
  return result;
}

std::string seconds_text(const Json& event) {
  const double seconds = member_number(event, "seconds");
  return std::isnan(seconds) ? "" : fmt::format("  ({:.1f} s)", seconds);
}

std::string evaluation_line(const Json& event, const ProgressStyle& style) {
  const auto metrics = event.contains("metrics") ? event.at("metrics") : Json::object();
  return fmt::format("epoch {:.4g}  {}{}{}", member_number(event, "epoch"),
                     paint(member_text(event, "split"), "1", style), metrics_text(metrics),
                     paint(seconds_text(event), "2", style));
}

std::string start_line(const Json& event) {
  const auto run = event.contains("run") ? event.at("run") : Json::object();
  std::string result = printable(member_text(run, "name"));
  const char* separator = ": ";
  const auto add = [&](const char* key, const char* unit) {
    const double value = member_number(run, key);
    if (!(value > 0)) return;
    result += fmt::format("{}{} {}{}", separator, format_count(value), unit, value == 1 ? "" : "s");
    separator = ", ";
  };
  add("samples", "sample");
  add("steps", "step");
  add("lanes", "lane");
  if (member_number(run, "workers") > 1) add("workers", "worker");
  add("replicas", "replica");
  add("parameters", "parameter");
  return result;
}

/// "(2.1 s, 12.3 MiB, training waited 3.00 ms)".
std::string cost_of_checkpoint(const Json& event) {
  std::vector<std::string> parts;
  const double seconds = member_number(event, "seconds");
  const double bytes = member_number(event, "bytes");
  const double stall = member_number(event, "stall_seconds");
  if (!std::isnan(seconds)) parts.push_back(fmt::format("{:.1f} s", seconds));
  if (!std::isnan(bytes)) parts.push_back(format_bytes(bytes));
  if (!std::isnan(stall)) parts.push_back(fmt::format("training waited {}", format_seconds(stall)));
  return parts.empty() ? "" : fmt::format("  ({})", fmt::join(parts, ", "));
}

std::string checkpoint_line(const Json& event, const ProgressStyle& style) {
  const auto best = event.find("best");
  const bool is_best = best != event.end() && best->is_boolean() && best->get<bool>();
  return fmt::format("step {}  checkpoint {}{}{}", member_text(event, "step"),
                     member_text(event, "path"),
                     is_best ? kGap + paint("best so far", "32", style) : "",
                     paint(cost_of_checkpoint(event), "2", style));
}

std::string skipped_line(const Json& event, const ProgressStyle& style) {
  return paint(fmt::format("step {}  skipped: {} (lane {}, samples {})", member_text(event, "step"),
                           member_text(event, "reason"), member_text(event, "lane"),
                           member_text(event, "samples")),
               "33", style);
}

std::string done_line(const Json& event) {
  std::string result = fmt::format("done: {} steps", format_count(member_number(event, "step")));
  const double seconds = member_number(event, "seconds");
  if (!std::isnan(seconds)) result += " in " + format_duration(seconds);
  const double speed = member_number(event, "samples_per_second");
  if (speed > 0) result += fmt::format(", {} samples/s", format_count(speed));
  return result;
}

// What happened to the group: losses in red, gains in green, the rest in yellow.
std::string group_line(const std::string& kind, const std::string& sentence, const Json& event,
                       const ProgressStyle& style) {
  const char* colour = kind == "lost" || kind == "checkpoint_failed" ? "31"
                       : kind == "joined" || kind == "recovered"     ? "32"
                                                                     : "33";
  return fmt::format("step {}  {}", member_text(event, "step"), paint(sentence, colour, style));
}

// Events of kinds that are not known here: the name and whatever facts they carry.
std::string other_line(const Json& event, const ProgressStyle& style) {
  std::string result =
      fmt::format("step {}  {}", member_text(event, "step"), member_text(event, "event"));
  for (const auto& [key, value] : event.items()) {
    if (key == "time" || key == "step" || key == "event" || value.is_structured()) continue;
    result += fmt::format("  {} {}", printable(key), member_text(event, key.c_str()));
  }
  return paint(result, "33", style);
}

}  // namespace

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return "?";
  const auto total = static_cast<std::int64_t>(std::llround(seconds));
  if (total < 3600) return fmt::format("{}:{:02}", total / 60, total % 60);
  return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
}

std::string format_count(double value) {
  if (!std::isfinite(value)) return "?";
  std::string digits = fmt::format("{:.0f}", value);
  const std::ptrdiff_t first = digits[0] == '-' ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string format_live_line(const ProgressState& state, const ProgressStyle& style) {
  const auto width = static_cast<std::size_t>(std::max(style.width, 0));
  LiveLine line;
  line.epoch = epoch_text(state);
  line.percent = fmt::format("{:2.0f}%", std::floor(100 * part_done(state)));
  line.step = fmt::format("step {}/{}", state.step, state.steps);
  line.speed = speed_text(state);
  if (state.has_loss) line.loss = fmt::format("loss {:.4f}", state.loss);
  line.left = left_text(state);
  fit(line, width);
  std::string result = line.epoch;
  if (line.bar) {
    const std::size_t bar = std::min(width - line.width_without_bar(), kLongestBar);
    if (!result.empty()) result += ' ';
    result += draw_bar(part_done(state), bar, style);
  } else if (!result.empty() && !line.after_bar().empty()) {
    result += kGap;
  }
  return result + line.after_bar();
}

std::string format_plain_line(const ProgressState& state) {
  std::string result = fmt::format("step {}/{}", state.step, state.steps);
  const std::string loss = state.has_loss ? fmt::format("loss {:.4f}", state.loss) : "";
  for (const std::string& part : {epoch_text(state), loss, speed_text(state), left_text(state)}) {
    if (!part.empty()) result += kGap + part;
  }
  return result;
}

std::string format_event_line(const nlohmann::ordered_json& event, const ProgressStyle& style) {
  if (!event.is_object()) return "";
  const std::string kind = member_text(event, "event");
  if (kind == "step" || kind.empty()) return "";
  if (kind == "start") return start_line(event);
  if (kind == "evaluate") return evaluation_line(event, style);
  if (kind == "checkpoint") return checkpoint_line(event, style);
  if (kind == "skipped") return skipped_line(event, style);
  if (kind == "done") return done_line(event);
  if (kind == "resumed")
    return fmt::format("resumed from {} at step {}", member_text(event, "from"),
                       member_text(event, "step"));
  if (const std::string sentence = describe_event(event); !sentence.empty())
    return group_line(kind, sentence, event, style);
  return other_line(event, style);
}

}  // namespace convoy
