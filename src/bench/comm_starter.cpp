#include "bench/comm_starter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "comm/mpi_transport.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/temporary_folder.hpp"
#include "elastic/launcher.hpp"

namespace convoy::bench {
namespace {

namespace fs = std::filesystem;
constexpr const char* result_file = "result.json";

bool on_path(const std::string& command) {
  const char* path = std::getenv("PATH");
  for (std::string_view left = path == nullptr ? "" : path; !left.empty();) {
    const std::size_t end = std::min(left.find(':'), left.size());
    if (::access((fs::path(left.substr(0, end)) / command).c_str(), X_OK) == 0) return true;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return false;
}

// The exit status of a command that is looked for on the PATH.
int run_command(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int problem =
      ::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (problem != 0) throw IoError(fmt::format("{}: {}", words[0], std::strerror(problem)));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> worker_arguments(const CommOptions& options, const fs::path& folder) {
  return {"bench",        "comm",
          "--worker",     folder.string(),
          "--transports", fmt::format("{}", fmt::join(options.transports, ",")),
          "--from",       std::to_string(options.from),
          "--to",         std::to_string(options.to),
          "--seconds",    fmt::format("{}", options.seconds)};
}

// Workers bind themselves, under mpirun and without it.
std::vector<std::string> mpirun(int workers) {
  std::vector<std::string> words = {"mpirun"};
  if (::geteuid() == 0) words.emplace_back("--allow-run-as-root");
  for (const char* word : {"--oversubscribe", "--bind-to", "none", "-n"}) words.emplace_back(word);
  words.push_back(std::to_string(workers));
  return words;
}

std::string why_not_mpi() {
  if (!mpi_available()) return "this Convoy was built without MPI";
  if (!on_path("mpirun")) return "there is no mpirun on the PATH";
  return "";
}

}  // namespace

CommResult start_comm(const std::string& program, int workers, const CommOptions& options) {
  const TemporaryFolder folder(fs::temp_directory_path(), "convoy-bench-");
  const auto arguments = worker_arguments(options, folder.path());
  const bool wanted = std::find(options.transports.begin(), options.transports.end(), "mpi") !=
                      options.transports.end();
  const std::string missing = wanted ? why_not_mpi() : "mpi is not among --transports";
  std::string starter;
  int status = 0;
  if (missing.empty()) {
    std::vector<std::string> words = mpirun(workers);
    starter = fmt::format("{}", fmt::join(words, " "));
    words.push_back(program);
    words.insert(words.end(), arguments.begin(), arguments.end());
    status = run_command(words);
  } else {
    LaunchOptions launching{.program = program, .arguments = {"convoy"}, .workers = workers};
    launching.arguments.insert(launching.arguments.end(), arguments.begin(), arguments.end());
    launching.quiet = true;
    starter = fmt::format("convoy launch --workers {}", workers);
    status = launch(launching);
  }
  if (status != 0) throw Error(fmt::format("bench comm: the workers ended with {}", status));
  const std::string text = read_text_file(folder.path() / result_file);
  CommResult result = comm_result_from_json(nlohmann::ordered_json::parse(text));
  result.starter = starter;
  if (!missing.empty())
    result.notes.push_back(fmt::format("Not measured: mpi and Open MPI, because {}.", missing));
  return result;
}

void run_comm_worker(const CommOptions& options, const fs::path& folder) {
  const auto place = worker_place();
  if (!place) throw InputError("--worker is for those that convoy bench comm starts");
  const CommResult result = measure_comm(*place, options, folder);
  if (place->rank == 0) write_file_atomically(folder / result_file, to_json(result).dump());
}

}  // namespace convoy::bench
