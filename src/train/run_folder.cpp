#include "convoy/train/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

constexpr const char* files_of_a_run[] = {"metrics.jsonl", "summary.json", "model.pt",
                                          "report.html",   "samples.json", "job.yaml"};

bool has_run(const fs::path& folder) {
  std::error_code ignored;
  for (const char* file : files_of_a_run) {
    if (fs::exists(folder / file, ignored)) return true;
  }
  return fs::exists(folder / "checkpoints", ignored);
}

void remove_run(const fs::path& folder) {
  std::error_code ignored;
  for (const char* file : files_of_a_run) fs::remove(folder / file, ignored);
  fs::remove_all(folder / "checkpoints", ignored);
}

}  // namespace

RunFolder::RunFolder(const fs::path& folder, ExistingRun existing) : path_(folder) {
  require_writable_directory(folder);
  lock_ = ::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw IoError(
        fmt::format("{}: cannot create .lock: {}", folder.string(), std::strerror(errno)));
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw InputError(fmt::format("{}: another process is training there; choose another --out",
                                 folder.string()));
  }
  if (existing == ExistingRun::overwrite) remove_run(folder);
  if (existing == ExistingRun::refuse && has_run(folder)) {
    ::close(lock_);
    throw InputError(fmt::format(
        "{}: holds a run already; give --resume to go on with it, --overwrite to replace it, "
        "or another --out",
        folder.string()));
  }
}

RunFolder::~RunFolder() {
  ::close(lock_);
}

fs::path default_run_folder(const std::string& name) {
  std::string safe;
  for (const char c : name)
    safe += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ? c : '-';
  fs::path folder = fs::path("runs") / safe;
  for (int n = 2; has_run(folder); ++n) folder = fs::path("runs") / fmt::format("{}-{}", safe, n);
  return folder;
}

}  // namespace convoy
