#include "bench/comm_report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include "bench/comm_table.hpp"
#include "convoy/core/file.hpp"
#include "convoy/core/version.hpp"
#include "core/machine.hpp"

namespace convoy::bench {
namespace {

std::string describe_machine() {
  utsname system{};
  ::uname(&system);
  const std::string release = system.release;
  const std::size_t second_dot = release.find('.', release.find('.') + 1);
  return fmt::format("{}, {} cores, {} {}, Convoy {}", cpu_name(), usable_cores(), system.sysname,
                     release.substr(0, second_dot), version);
}

}  // namespace

CommReport make_report(std::string command, std::vector<CommResult> results) {
  return {.command = std::move(command),
          .machine = describe_machine(),
          .date = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr))),
          .results = std::move(results)};
}

std::string terminal_text(const CommResult& result) {
  std::string text =
      fmt::format("{} workers on one host\n\n{}", result.workers, aligned(time_table(result)));
  if (const auto ratios = ratio_table(result); !ratios.empty()) text += "\n" + aligned(ratios);
  text += "\n";
  for (const std::string& line : explanation(result)) text += line + "\n";
  return text;
}

std::string markdown_text(const CommReport& report) {
  std::string text = fmt::format("# All-reduce on one host\n\n{}; {}. Command: `{}`.\n",
                                 report.machine, report.date, report.command);
  for (const CommResult& result : report.results) {
    text += fmt::format("\n## {} workers\n\n{}", result.workers, markdown(time_table(result)));
    if (const auto ratios = ratio_table(result); !ratios.empty()) text += "\n" + markdown(ratios);
    text += "\n";
    for (const std::string& line : explanation(result)) text += "- " + line + "\n";
  }
  return text;
}

nlohmann::ordered_json to_json(const CommReport& report) {
  auto results = nlohmann::ordered_json::array();
  for (const CommResult& result : report.results) results.push_back(to_json(result));
  return {{"command", report.command},
          {"machine", report.machine},
          {"date", report.date},
          {"results", std::move(results)}};
}

void write_report(const CommReport& report, const std::filesystem::path& folder) {
  require_writable_directory(folder);
  write_file_atomically(folder / "comm.json", to_json(report).dump(1) + "\n");
  write_file_atomically(folder / "comm.md", markdown_text(report));
  write_file_atomically(folder / "comm.html", html_text(report));
}

}  // namespace convoy::bench
