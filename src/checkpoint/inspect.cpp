#include "checkpoint/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/format.hpp"
#include "checkpoint/shards.hpp"
#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool holds_checkpoints(const fs::path& folder) {
  return !CheckpointStore(folder, 1).list().empty();
}

struct ExpectedShard {
  fs::path path;
  std::optional<std::uint64_t> xxh3;  // as the checkpoint has it, if that can be read
};

std::vector<fs::path> shards_beside(const fs::path& checkpoint) {
  const std::string begin = checkpoint.stem().string() + std::string(shard_mark);
  std::vector<fs::path> shards;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(checkpoint.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    const bool unfinished = name.find(".tmp-") != std::string::npos;
    if (name.starts_with(begin) && !unfinished) shards.push_back(entry.path());
  }
  std::sort(shards.begin(), shards.end());
  return shards;
}

std::vector<ExpectedShard> expected_shards(const fs::path& checkpoint) {
  std::vector<ExpectedShard> shards;
  try {
    const MappedFile file(checkpoint);
    const Json header = parse_header(file.bytes(), checkpoint.string());
    for (const Json& shard : header.at("meta").value("shards", Json::array())) {
      shards.push_back({checkpoint.parent_path() / fs::path(shard.at("file")).filename(),
                        shard.at("xxh3").get<std::uint64_t>()});
    }
  } catch (const std::exception&) {
    shards.clear();
    for (const fs::path& path : shards_beside(checkpoint)) shards.push_back({path, std::nullopt});
  }
  return shards;
}

CheckedFile check_file(const fs::path& path, std::optional<std::uint64_t> expected = {}) {
  CheckedFile result{path};
  try {
    const MappedFile file(path);
    result.bytes = file.bytes().size();
    result.tensors = check_state(file.bytes(), path.string()).tensors;
    if (expected && xxh3(file.bytes()) != *expected) {
      result.problem =
          fmt::format("{}: is whole, but not the part that its checkpoint names", path.string());
    }
  } catch (const InputError& error) {
    result.problem = error.what();
  }
  return result;
}

}  // namespace

bool is_shard(const fs::path& path) {
  return path.filename().string().find(shard_mark) != std::string::npos;
}

fs::path checkpoints_folder(const fs::path& place) {
  std::error_code ignored;
  if (!fs::exists(place, ignored))
    throw InputError(fmt::format("{}: there is no such folder", place.string()));
  if (!fs::is_directory(place, ignored)) {
    throw InputError(fmt::format(
        "{}: is a file; give the folder of a run, or that of its checkpoints", place.string()));
  }
  for (const fs::path& folder : {place / "checkpoints", place}) {
    if (holds_checkpoints(folder)) return folder;
  }
  if (fs::is_directory(place / "checkpoints", ignored)) {
    throw InputError(
        fmt::format("{}: no checkpoint has been written yet", (place / "checkpoints").string()));
  }
  throw InputError(
      fmt::format("{}: holds no checkpoints; give the folder of a run, or that of its checkpoints",
                  place.string()));
}

std::uint64_t checkpoint_bytes(const fs::path& path) {
  std::uint64_t bytes = 0;
  std::vector<fs::path> files = shards_beside(path);
  files.push_back(path);
  for (const fs::path& file : files) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(file, error);
    if (!error) bytes += size;
  }
  return bytes;
}

CheckpointInfo describe_checkpoint(const fs::path& path) {
  CheckpointInfo info;
  info.path = path;
  info.step = checkpoint_step(path).value_or(0);
  info.bytes = checkpoint_bytes(path);
  try {
    const MappedFile file(path);
    const Json header = parse_header(file.bytes(), path.string());
    info.step = header.at("step");
    const Json& meta = header.at("meta");
    info.metric = metric_of(meta);
    info.shards = meta.value("shards", Json::array()).size();
    if (meta.contains("progress")) info.seconds = meta["progress"].value("seconds", 0.0);
  } catch (const InputError& error) {
    info.problem = error.what();
  } catch (const Json::exception& error) {
    info.problem =
        fmt::format("{}: damaged checkpoint: its header: {}", path.string(), error.what());
  }
  return info;
}

std::vector<CheckedFile> verify_checkpoint(const fs::path& path) {
  std::vector<CheckedFile> files = {check_file(path)};
  if (is_shard(path)) return files;
  for (const ExpectedShard& shard : expected_shards(path)) {
    if (fs::exists(shard.path)) {
      files.push_back(check_file(shard.path, shard.xxh3));
    } else {
      files.push_back({shard.path, 0, 0,
                       fmt::format("{}: this part of the checkpoint is missing; copy it from the "
                                   "worker that wrote it",
                                   shard.path.string())});
    }
  }
  return files;
}

}  // namespace convoy
