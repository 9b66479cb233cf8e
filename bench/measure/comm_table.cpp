#include "bench/measure/comm_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bench/measure/comm_options.hpp"

namespace convoy::bench {
namespace {

// Characters, not bytes, of UTF-8.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string three_digits(double value) {
  return fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

std::string ratio_name(const Aim& aim) {
  return fmt::format("{} / {}", aim.slower, aim.faster);
}

std::string aim_text(const Aim& aim) {
  return fmt::format("{} {} {:g}{}{}", ratio_name(aim), aim.at_least ? "at least" : "at most",
                     aim.limit, aim.from > 0 ? " from " + size_text(aim.from) : "",
                     aim.two_only ? " (2 workers)" : "");
}

bool took_part(const CommResult& result, const char* name) {
  const auto& there = result.contestants;
  return std::find(there.begin(), there.end(), name) != there.end();
}

// Of aims whose contestants took part.
std::vector<std::vector<Aim>> aims_for(const CommResult& result) {
  std::vector<std::vector<Aim>> all;
  for (const auto& alternatives : aims()) {
    std::vector<Aim> there;
    for (const Aim& aim : alternatives)
      if (took_part(result, aim.slower) && took_part(result, aim.faster)) there.push_back(aim);
    if (!there.empty()) all.push_back(std::move(there));
  }
  return all;
}

double ratio_of(const CommResult& result, const CommPoint& point, const Aim& aim) {
  return result.find(point, aim.slower)->median / result.find(point, aim.faster)->median;
}

bool missed(const CommResult& result, const CommPoint& point,
            const std::vector<Aim>& alternatives) {
  return std::all_of(alternatives.begin(), alternatives.end(), [&](const Aim& aim) {
    const bool counts = point.bytes >= aim.from && (result.workers == 2 || !aim.two_only);
    return counts && !aim.met(ratio_of(result, point, aim));
  });
}

// "gloo's settings: 1 thread (4 B to 4 KiB, 1 MiB), 2 threads (16 KiB)."
std::string settings_text(const CommResult& result, const std::string& contestant) {
  std::vector<std::pair<std::string, std::string>> by_setting;
  std::string before;
  const CommPoint* last = nullptr;
  for (const CommPoint& point : result.points) {
    const auto found = point.settings.find(contestant);
    if (found == point.settings.end()) continue;
    const std::string& setting = found->second;
    auto place = std::find_if(by_setting.begin(), by_setting.end(),
                              [&](const auto& each) { return each.first == setting; });
    if (place == by_setting.end()) place = by_setting.insert(place, {setting, ""});
    if (setting != before) {
      place->second += (place->second.empty() ? "" : ", ") + size_text(point.bytes);
    } else {
      const std::string end = " to " + size_text(last->bytes);
      if (place->second.ends_with(end)) place->second.resize(place->second.size() - end.size());
      place->second += " to " + size_text(point.bytes);
    }
    before = setting;
    last = &point;
  }
  if (by_setting.empty()) return "";
  std::string text;
  for (const auto& [setting, where] : by_setting)
    text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", setting, where);
  return fmt::format("{}'s settings, each the fastest for its sizes: {}.", contestant, text);
}

}  // namespace

std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], width_of(row[k]));
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) {
      const std::string space(widths[k] - width_of(row[k]), ' ');
      line += k == 0 ? row[k] + space : "  " + space + row[k];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

std::string markdown(const std::vector<Row>& rows) {
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (const std::string& cell : rows[r]) text += fmt::format("| {} ", cell);
    text += "|\n";
    if (r > 0) continue;
    for (std::size_t k = 0; k < rows[0].size(); ++k) text += k == 0 ? "| --- " : "| --: ";
    text += "|\n";
  }
  return text;
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{:.4g} {}", value, units[unit]);
}

std::string time_text(double seconds) {
  if (seconds < 0.9995e-3) return three_digits(seconds * 1e6) + " µs";
  if (seconds < 0.9995) return three_digits(seconds * 1e3) + " ms";
  return three_digits(seconds) + " s";
}

const std::vector<std::vector<Aim>>& aims() {
  static const std::vector<std::vector<Aim>> all = {
      {{open_mpi, "shm", true, 1, 0, true}},
      {{gloo, "shm", true, 2, 1 << 20, true}},
      {{"shm", memory_limit, false, 1.3, 16 << 20, true}},
      {{gloo, "tcp", true, 1.3}, {bare_sockets, "tcp", true, 0.9}},
  };
  return all;
}

std::string title(const CommResult& result) {
  return fmt::format("{} workers, {}", result.workers, link_text(result.link));
}

std::vector<Row> time_table(const CommResult& result) {
  std::vector<Row> rows = {{"all-reduce"}};
  rows[0].insert(rows[0].end(), result.contestants.begin(), result.contestants.end());
  for (const CommPoint& point : result.points) {
    Row& row = rows.emplace_back(Row{size_text(point.bytes)});
    for (const Timing& timing : point.timings)
      row.push_back(fmt::format("{} ±{:.0f}%", time_text(timing.median), 100 * timing.spread()));
  }
  return rows;
}

std::vector<Row> ratio_table(const CommResult& result) {
  const auto shown = aims_for(result);
  if (shown.empty()) return {};
  std::vector<Row> rows = {{"all-reduce"}};
  for (const auto& alternatives : shown)
    for (const Aim& aim : alternatives) rows[0].push_back(ratio_name(aim));
  for (const CommPoint& point : result.points) {
    Row& row = rows.emplace_back(Row{size_text(point.bytes)});
    for (const auto& alternatives : shown) {
      const char* mark = missed(result, point, alternatives) ? "!" : "";
      for (const Aim& aim : alternatives)
        row.push_back(fmt::format("{:.2f}{}", ratio_of(result, point, aim), mark));
    }
  }
  return rows;
}

namespace {

std::vector<std::string> definitions(const CommResult& result) {
  std::vector<std::string> lines = {
      "Medians of the time on the slowest worker, all starting together; ± half of what lies "
      "between the quartiles.",
      "The contestants take turns, all of them at one size before the next; what does not run in "
      "the workers runs in processes beside them, which sleep meanwhile. Sums are checked.",
      "thread, shm, tcp, mpi: Convoy's all_reduce over its transports (thread: in threads of one "
      "process).",
  };
  const auto define = [&](const char* name, const char* text) {
    if (took_part(result, name)) lines.push_back(fmt::format("{}: {}", name, text));
  };
  define(gloo,
         "ProcessGroupGloo of Python's torch.distributed, a Python process a worker, torch on one "
         "thread; the fastest of several settings at each size.");
  define(open_mpi, "MPI_Allreduce in place, over memory that the processes share.");
  define(open_mpi_tcp, "MPI_Allreduce in place, with --mca pml ob1 --mca btl tcp,self.");
  define(bare_sockets,
         "a TCP connection between each two workers, no framing, no thread: up to 32 KiB to all "
         "others in one round, else reduce-scatter and all-gather, sums by a plain loop.");
  define(memory_limit,
         "each worker copies its buffer by memcpy to another one and back, all at once, one pass "
         "for the reduce-scatter and one for the all-gather; one pass: there only.");
  if (result.link.between_hosts())
    lines.push_back(
        "Each worker is in a network namespace of its own; they are joined by veth "
        "pairs. Rate: tc's token bucket on what a host sends.");
  if (result.link.delay > 0)
    lines.push_back(
        "Delay: a relay of the benchmark holds every frame back; it takes some of the "
        "cores' time and is late by about 0.1 ms, more where the cores are busy.");
  lines.push_back(
      "Each worker is bound to a core of its own where there are cores enough; tcp's "
      "thread and gloo's processes are bound to none.");
  return lines;
}

}  // namespace

std::vector<std::string> explanation(const CommResult& result) {
  std::vector<std::string> lines = definitions(result);
  std::string text;
  for (const auto& [name, version] : result.versions)
    text += fmt::format("{}{}: {}", text.empty() ? "Versions: " : "; ", name, version);
  if (!text.empty()) lines.push_back(text + ".");
  for (const std::string& contestant : result.contestants) {
    const std::string settings = settings_text(result, contestant);
    if (!settings.empty()) lines.push_back(settings);
  }
  lines.insert(lines.end(), result.notes.begin(), result.notes.end());
  text.clear();
  for (const auto& alternatives : aims_for(result)) {
    if (!text.empty()) text += "; ";
    for (std::size_t k = 0; k < alternatives.size(); ++k)
      text += (k > 0 ? " or " : "") + aim_text(alternatives[k]);
  }
  if (!text.empty()) lines.push_back(fmt::format("Aims: {}. A ! is where one is missed.", text));
  return lines;
}

}  // namespace convoy::bench
