#include "bench/measure/comm_starter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "bench/measure/hosts.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/temporary_folder.hpp"
#include "launch/launcher.hpp"

namespace convoy::bench {
namespace {

namespace fs = std::filesystem;
constexpr const char* result_file = "result.json";

std::vector<std::string> worker_arguments(const CommOptions& options, const fs::path& folder,
                                          const std::string& hosts) {
  std::vector<std::string> words = {"convoy",
                                    "bench",
                                    "comm",
                                    "--worker",
                                    folder.string(),
                                    "--links",
                                    to_string(options.link),
                                    "--transports",
                                    fmt::format("{}", fmt::join(options.transports, ",")),
                                    "--peers",
                                    fmt::format("{}", fmt::join(options.peers, ",")),
                                    "--from",
                                    std::to_string(options.from),
                                    "--to",
                                    std::to_string(options.to),
                                    "--seconds",
                                    fmt::format("{}", options.seconds),
                                    "--python",
                                    options.python};
  if (!hosts.empty()) words.insert(words.end(), {"--in-hosts", hosts});
  return words;
}

}  // namespace

CommResult start_comm(int workers, const CommOptions& options) {
  const TemporaryFolder folder(fs::temp_directory_path(), "convoy-bench-");
  std::optional<Hosts> hosts;
  if (options.link.between_hosts()) hosts.emplace(workers, options.link);
  LaunchOptions launching{
      .program = options.program,
      .arguments = worker_arguments(options, folder.path(), hosts ? hosts->name() : ""),
      .workers = workers};
  launching.quiet = true;
  const int status = launch(launching);
  if (status != 0) throw Error(fmt::format("bench comm: the workers ended with {}", status));
  const std::string text = read_text_file(folder.path() / result_file);
  return comm_result_from_json(nlohmann::ordered_json::parse(text));
}

void run_comm_worker(const CommOptions& options, const fs::path& folder, const std::string& hosts) {
  const auto place = worker_place();
  if (!place) throw InputError("--worker is for those that convoy bench comm starts");
  const CommResult result = measure_comm(*place, options, folder, hosts);
  if (place->rank == 0) write_file_atomically(folder / result_file, to_json(result).dump());
}

}  // namespace convoy::bench
