#include "bench/comm_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bench/comm_worker.hpp"

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
  const std::string from = aim.from > 0 ? fmt::format(" from {}", size_text(aim.from)) : "";
  return fmt::format("{} {} {:g}{}", ratio_name(aim), aim.at_least ? "at least" : "at most",
                     aim.limit, from);
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

const std::vector<Aim>& aims() {
  static const std::vector<Aim> all = {
      {open_mpi, "shm", true, 1, 0},
      {c10d_gloo, "shm", true, 2, 1 << 20},
      {"shm", memory_limit, false, 1.3, 16 << 20},
  };
  return all;
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
  std::vector<Row> rows = {{"all-reduce"}};
  std::vector<const Aim*> shown;
  for (const Aim& aim : aims()) {
    const auto& there = result.contestants;
    const auto took_part = [&](const char* name) {
      return std::find(there.begin(), there.end(), name) != there.end();
    };
    if (!took_part(aim.slower) || !took_part(aim.faster)) continue;
    shown.push_back(&aim);
    rows[0].push_back(ratio_name(aim));
  }
  if (shown.empty()) return {};
  for (const CommPoint& point : result.points) {
    Row& row = rows.emplace_back(Row{size_text(point.bytes)});
    for (const Aim* aim : shown) {
      const double ratio =
          result.find(point, aim->slower)->median / result.find(point, aim->faster)->median;
      const bool missed = result.workers == 2 && point.bytes >= aim->from && !aim->met(ratio);
      row.push_back(fmt::format("{:.2f}{}", ratio, missed ? "!" : ""));
    }
  }
  return rows;
}

std::vector<std::string> explanation(const CommResult& result) {
  std::vector<std::string> lines = {
      "Medians of the time on the slowest worker, all starting together; ± half of what lies "
      "between "
      "the quartiles.",
      fmt::format("Convoy's all_reduce over its transports; {}: ProcessGroupGloo::allreduce on "
                  "127.0.0.1; {}: MPI_Allreduce in place.",
                  c10d_gloo, open_mpi),
      "The contestants take turns in the same processes (thread: in threads of one of them), on "
      "the "
      "same buffers; sums are checked.",
      fmt::format(
          "{}: each worker copies its buffer by memcpy to another one and back, all at once, "
          "one pass for the reduce-scatter and one for the all-gather; {}: there only.",
          memory_limit, memory_pass),
      fmt::format("Workers started by {}; where there are cores enough each is bound to one of its "
                  "own, gloo's threads to none.",
                  result.starter)};
  lines.insert(lines.end(), result.notes.begin(), result.notes.end());
  if (result.workers != 2) return lines;
  std::string text;
  for (const Aim& aim : aims()) text += (text.empty() ? "" : "; ") + aim_text(aim);
  lines.push_back(fmt::format("Aims for 2 workers: {}. A ! is where one is missed.", text));
  return lines;
}

}  // namespace convoy::bench
