#include "convoy/checkpoint/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "checkpoint/format.hpp"
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

// The step in a checkpoint's file name; nothing for other files.
std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size() - suffix.size();
  const auto result = std::from_chars(name.data() + prefix.size(), end, step);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return step;
}

struct Metric {
  double value = 0;
  bool higher_is_better = false;
};

std::optional<Metric> metric_of(const fs::path& path) {
  try {
    const MappedFile file(path);
    const Json header = parse_header(file.bytes(), path.string());
    const Json& metric = header.at("meta").at("best_metric");
    if (!metric.at("value").is_number()) return std::nullopt;
    return Metric{metric.at("value"), metric.at("higher_is_better")};
  } catch (const std::exception&) {
    return std::nullopt;  // damaged, or without a metric: it cannot be the best
  }
}

void write_state(const fs::path& path, const TrainingState& state) {
  const EncodedState encoded(state);
  write_file_atomically(path, encoded.parts());
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, std::int64_t keep)
    : folder_(std::move(folder)), keep_(keep) {}

fs::path CheckpointStore::save(const TrainingState& state, const std::vector<ShardFile>& shards) {
  make_folder();
  const fs::path path = path_of(folder_, state.step);
  if (shards.empty()) {
    write_state(path, state);
  } else {
    TrainingState with_shards = state;
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
    if (const auto step = step_of(entry.path())) found.emplace_back(*step, entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

std::optional<fs::path> CheckpointStore::best() const {
  std::optional<fs::path> best_path;
  Metric best_metric;
  for (const fs::path& path : list()) {
    const auto metric = metric_of(path);
    if (!metric) continue;
    const bool better = metric->higher_is_better ? metric->value > best_metric.value
                                                 : metric->value < best_metric.value;
    if (best_path && !better) continue;
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
    } else if (++kept > keep_ && path != keep_best) {
      fs::remove(path, ignored);
    }
  }
  remove_leftovers();
}

// Files that a crash left while writing, and shards without their checkpoint.
void CheckpointStore::remove_leftovers() const {
  std::set<std::string> wanted;
  for (const fs::path& path : list()) wanted.insert(path.stem().string());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t mark = name.find(shard_mark);
    const bool orphan = name.starts_with(prefix) && mark != std::string::npos &&
                        !wanted.contains(name.substr(0, mark));
    if (orphan || name.find(".checkpoint.tmp-") != std::string::npos)
      fs::remove(entry.path(), ignored);
  }
}

TrainingState CheckpointStore::load(const fs::path& path, bool with_shards) {
  const MappedFile file(path);
  TrainingState state = parse_state(file.bytes(), path.string());
  if (with_shards) join_shards(state, path);
  return state;
}

std::optional<CheckpointStore::Loaded> CheckpointStore::load_newest() const {
  const auto paths = list();
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
