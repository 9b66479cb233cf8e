#include "bench/measure/comm_report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <torch/version.h>

#include <algorithm>
#include <tuple>

#include "bench/measure/comm_table.hpp"
#include "convoy/core/error.hpp"
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
  return fmt::format("{}, {} cores, {} {}, Convoy {}, libtorch {}", cpu_name(), usable_cores(),
                     system.sysname, release.substr(0, second_dot), version, TORCH_VERSION);
}

}  // namespace

void sign(std::vector<CommResult>& results, const std::string& command) {
  for (CommResult& result : results) {
    result.command = command;
    result.machine = describe_machine();
    result.date = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
  }
}

void add_earlier(CommReport& report, const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "comm.json";
  if (!std::filesystem::exists(file)) return;
  std::vector<CommResult> all;
  try {
    const auto json = nlohmann::ordered_json::parse(read_text_file(file));
    for (const auto& result : json.at("results")) all.push_back(comm_result_from_json(result));
  } catch (const nlohmann::json::exception&) {
    throw InputError(fmt::format("{}: is of another version; leave out --add", file.string()));
  }
  for (const CommResult& earlier : all) {
    const auto same = [&](const CommResult& result) {
      return result.link == earlier.link && result.workers == earlier.workers;
    };
    if (std::none_of(report.results.begin(), report.results.end(), same))
      report.results.push_back(earlier);
  }
  std::stable_sort(report.results.begin(), report.results.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.link.between_hosts(), a.link.delay, a.link.mbit, a.workers) <
           std::tuple(b.link.between_hosts(), b.link.delay, b.link.mbit, b.workers);
  });
}

std::string terminal_text(const CommResult& result) {
  std::string text = fmt::format("{}\n\n{}", title(result), aligned(time_table(result)));
  if (const auto ratios = ratio_table(result); !ratios.empty())
    text.append("\n").append(aligned(ratios));
  text += "\n";
  for (const std::string& line : explanation(result)) text += line + "\n";
  return text;
}

std::string markdown_text(const CommReport& report) {
  std::string text = "# All-reduce by size\n";
  for (const std::string& note : report.notes) text += fmt::format("\n{}\n", note);
  for (const CommResult& result : report.results) {
    text += fmt::format("\n## {}\n\n{}; {}. Command: `{}`.\n\n{}", title(result), result.machine,
                        result.date, result.command, markdown(time_table(result)));
    if (const auto ratios = ratio_table(result); !ratios.empty())
      text.append("\n").append(markdown(ratios));
    text += "\n";
    for (const std::string& line : explanation(result)) text += "- " + line + "\n";
  }
  return text;
}

nlohmann::ordered_json to_json(const CommReport& report) {
  auto results = nlohmann::ordered_json::array();
  for (const CommResult& result : report.results) results.push_back(to_json(result));
  return {{"notes", report.notes}, {"results", std::move(results)}};
}

void write_report(const CommReport& report, const std::filesystem::path& folder) {
  require_writable_directory(folder);
  write_file_atomically(folder / "comm.json", to_json(report).dump(1) + "\n");
  write_file_atomically(folder / "comm.md", markdown_text(report));
  write_file_atomically(folder / "comm.html", html_text(report));
}

}  // namespace convoy::bench
