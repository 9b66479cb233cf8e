#include "convoy/checkpoint/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "checkpoint/format.hpp"
#include "checkpoint/inspect.hpp"
#include "checkpoint/metric.hpp"
#include "checkpoint/shards.hpp"
#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view suffix = ".checkpoint";
constexpr std::string_view prefix = "step-";

fs::path path_of(const fs::path& folder, std::int64_t step) {
  return folder / fmt::format("{}{:010}{}", prefix, step, suffix);
}

std::optional<CheckpointMetric> metric_in(const fs::path& path) {
  try {
    const MappedFile file(path);
    return metric_of(parse_header(file.bytes(), path.string()).at("meta"));
  } catch (const std::exception&) {
    return std::nullopt;  // damaged: it cannot be the best
  }
}

void write_state(const fs::path& path, const CheckpointState& state) {
  const EncodedState encoded(state);
  write_file_atomically(path, encoded.parts());
}

}  // namespace

std::optional<std::int64_t> checkpoint_step(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size() - suffix.size();
  const auto result = std::from_chars(name.data() + prefix.size(), end, step);
  if (result.ec != std::errc() || result.ptr != end || step < 0) return std::nullopt;
  return step;
}

CheckpointStore::CheckpointStore(fs::path folder, std::int64_t keep, std::int64_t keep_every)
    : folder_(std::move(folder)), keep_(keep), keep_every_(keep_every) {}

bool CheckpointStore::keeps_forever(std::int64_t step) const {
  return keep_every_ > 0 && step % keep_every_ == 0;
}

fs::path CheckpointStore::save(const CheckpointState& state, const std::vector<ShardFile>& shards) {
  make_folder();
  remove_unfinished_writes(folder_);  // what a crash left may be what fills the disk
  const fs::path path = path_of(folder_, state.step);
  if (shards.empty()) {
    write_state(path, state);
  } else {
    CheckpointState with_shards = state;
    with_shards.meta["shards"] = to_json(shards);
    write_state(path, with_shards);
  }
  prune(path);
  return path;
}

ShardFile CheckpointStore::save_shard(const Shard& shard, std::int64_t step, int number, int of) {
  make_folder();
  const std::string bytes = serialise(state_of(shard, step));
  const std::string name =
      fmt::format("{}{}{}-of-{}", path_of(folder_, step).stem().string(), shard_mark, number, of);
  write_file_atomically(folder_ / name, bytes);
  return {name, xxh3(std::as_bytes(std::span(bytes)))};
}

void CheckpointStore::make_folder() const {
  make_directories(folder_);
}

std::vector<fs::path> CheckpointStore::list() const {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (const auto step = checkpoint_step(entry.path())) found.emplace_back(*step, entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

std::optional<fs::path> CheckpointStore::best() const {
  std::optional<fs::path> best_path;
  CheckpointMetric best_metric;
  for (const fs::path& path : list()) {
    const auto metric = metric_in(path);
    if (!metric || (best_path && !is_better(*metric, best_metric))) continue;
    best_path = path;
    best_metric = *metric;
  }
  return best_path;
}

void CheckpointStore::prune(const fs::path& newest) {
  const auto keep_best = best();
  std::int64_t kept = 0;
  std::error_code ignored;
  for (const fs::path& path : list()) {
    // One with a higher number than the newest comes from a run that went on further and was then
    // taken back.
    if (path != newest && path > newest) {
      fs::remove(path, ignored);
    } else if (++kept > keep_ && path != keep_best && !keeps_forever(*checkpoint_step(path))) {
      fs::remove(path, ignored);
    }
  }
  remove_leftovers();
}

// Files that a crash left while writing, and shards without their checkpoint.
void CheckpointStore::remove_leftovers() const {
  remove_unfinished_writes(folder_);
  std::set<std::string> wanted;
  for (const fs::path& path : list()) wanted.insert(path.stem().string());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t mark = name.find(shard_mark);
    const bool orphan = name.starts_with(prefix) && mark != std::string::npos &&
                        !wanted.contains(name.substr(0, mark));
    if (orphan) fs::remove(entry.path(), ignored);
  }
}

CheckpointState CheckpointStore::load(const fs::path& path, bool with_shards) {
  const MappedFile file(path);
  CheckpointState state = parse_state(file.bytes(), path.string());
  if (with_shards) join_shards(state, path);
  return state;
}

std::optional<CheckpointStore::Loaded> CheckpointStore::load_newest(
    std::optional<std::int64_t> max_step) const {
  auto paths = list();
  if (max_step) std::erase_if(paths, [&](auto& p) { return *checkpoint_step(p) > *max_step; });
  if (paths.empty()) return std::nullopt;
  std::vector<std::string> damaged;
  for (const fs::path& path : paths) {
    try {
      return Loaded{load(path), path, damaged};
    } catch (const InputError& error) {
      damaged.push_back(error.what());
    }
  }
  throw InputError(fmt::format("{}: all {} checkpoints are damaged; the newest: {}",
                               folder_.string(), paths.size(), damaged.front()));
}

}  // namespace convoy
