#include "train/checkpoint_manager.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "checkpoint/inspect.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/kernel_info.hpp"
#include "core/tensor_bytes.hpp"
#include "engine/model_collectives.hpp"
#include "engine/optimizer_shards.hpp"
#include "train/run_identity.hpp"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

CheckpointManager::CheckpointManager(Options options)
    : options_(std::move(options)),
      store_(options_.out / "checkpoints", options_.keep, options_.keep_every) {}

CheckpointManager::~CheckpointManager() = default;

void CheckpointManager::write(Strategy& strategy, Communicator* group, std::int64_t step,
                              const std::function<Json()>& meta) {
  const auto begin = Clock::now();
  StateWriter writer;
  writer.step = step;
  writer.first = group == nullptr || group->rank() == 0;
  const bool parts = strategy.has_parts();
  if (!parts && !writer.first) return;
  strategy.save(writer);
  writer.whole.step = step;
  writer.whole.meta.update(meta());
  writer.whole.meta["identity"] = options_.identity;
  writer.whole.meta["kernels"] = kernels_json(kernels());
  writer.whole.meta["model"] = options_.model;
  if (!parts) {
    if (!writer_) writer_ = std::make_unique<CheckpointWriter>(store_);
    writer_->submit(std::move(writer.whole), begin);
    return;
  }
  WrittenCheckpoint written = write_parts(writer, *group);
  if (!writer.first) return;
  written.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  written.stall_seconds = written.seconds;
  options_.on_written(written);
}

void CheckpointManager::report_finished() {
  if (!writer_) return;
  for (const WrittenCheckpoint& written : writer_->take_finished()) options_.on_written(written);
}

void CheckpointManager::settle() {
  if (!writer_) return;
  try {
    writer_->wait_for_last();
  } catch (const IoError&) {
    report_finished();
    throw;
  }
  report_finished();
}

// All workers write their part, then worker 0 the rest: until that is there, the parts are no
// checkpoint.
WrittenCheckpoint CheckpointManager::write_parts(const StateWriter& writer, Communicator& group) {
  const std::int64_t step = writer.step;
  const bool shared = folder_is_shared(group, step);
  ShardFile own;
  agree(group, [&] {
    if (shared || writer.first)
      own = store_.save_shard(*writer.part, step, group.rank(), group.size());
  });
  if (!shared) collect_parts(*writer.part, step, group);
  const auto all = group.all_gather(Json{{"name", own.name}, {"xxh3", own.xxh3}}.dump());
  WrittenCheckpoint written;
  if (writer.first) {
    std::vector<ShardFile> shards;
    for (std::size_t w = 0; w < all.size(); ++w) {
      const Json shard = Json::parse(all[w]);
      shards.push_back({shard["name"], shard["xxh3"]});
      if (!shared && w > 0) shards.back() = collected_[w];
    }
    written.step = step;
    written.path = store_.save(writer.whole, shards);
    written.best = store_.best() == written.path;
    written.bytes = checkpoint_bytes(written.path);
  }
  group.barrier();  // nobody writes ahead of worker 0, which removes leftovers
  return written;
}

// Worker 0 writes the parts of workers that do not see its folder.
void CheckpointManager::collect_parts(const Shard& mine, std::int64_t step, Communicator& group) {
  constexpr int shard_tag = 3;
  const std::vector<std::string> described = group.all_gather(describe_shard(mine));
  collected_.assign(described.size(), {});
  std::exception_ptr failed;  // the others must get rid of theirs all the same
  if (group.rank() != 0) {
    for (const torch::Tensor& tensor : tensors_of(mine)) group.send(0, shard_tag, bytes_of(tensor));
  }
  for (int w = 1; group.rank() == 0 && w < group.size(); ++w) {
    const Shard theirs = shard_like(described[static_cast<std::size_t>(w)]);
    for (const torch::Tensor& tensor : tensors_of(theirs))
      group.recv(w, shard_tag, bytes_of(tensor));
    if (failed) continue;
    try {
      collected_[static_cast<std::size_t>(w)] = store_.save_shard(theirs, step, w, group.size());
    } catch (...) {
      failed = std::current_exception();
    }
  }
  agree(group, [&] {
    if (failed) std::rethrow_exception(failed);
  });
}

// Whether all workers see the folder that worker 0 writes to: tried once, with a file.
bool CheckpointManager::folder_is_shared(Communicator& group, std::int64_t step) {
  if (folder_shared_) return *folder_shared_;
  namespace fs = std::filesystem;
  fs::path probe;
  agree(group, [&] {
    if (group.rank() != 0) return;
    probe = options_.out / fmt::format(".shared-{}-{}", ::getpid(), step);
    write_file_atomically(probe, "whether all workers see this folder\n");
  });
  const std::string name = group.all_gather(probe.filename().string())[0];
  std::error_code ignored;
  const bool seen = fs::exists(options_.out / name, ignored);
  bool all = true;
  for (const std::string& answer : group.all_gather(seen ? "yes" : "no")) all &= answer == "yes";
  if (group.rank() == 0) fs::remove(probe, ignored);
  folder_shared_ = all;
  return all;
}

void CheckpointManager::remove_later(std::int64_t newest) {
  for (const std::filesystem::path& path : store_.list()) {
    try {
      if (CheckpointStore::load(path, /*with_shards=*/false).step <= newest) break;
    } catch (const InputError&) {  // damaged: of no use either
    }
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
}

std::optional<CheckpointManager::Found> CheckpointManager::read_newest(
    std::optional<std::int64_t> newest) {
  if (writer_) writer_->wait();
  if (newest) remove_later(*newest);
  auto loaded = store_.load_newest();
  if (!loaded) return {};
  for (const std::string& line : loaded->damaged)
    fmt::print(stderr, "convoy: {}; using an older one\n", line);
  const std::string file = loaded->path.string();
  require_same_identity(loaded->state.meta.value("identity", Json()), options_.identity, file);
  const std::string other = kernel_difference_to(loaded->state.meta.value("kernels", Json()));
  if (!other.empty()) fmt::print(stderr, "convoy: {}: {}\n", file, other);
  Found found{{std::move(loaded->state), file}, {}};
  found.event["from"] = loaded->path.filename().string();
  if (!loaded->damaged.empty()) found.event["damaged"] = loaded->damaged;
  if (!other.empty()) found.event["other_kernels"] = other;
  return found;
}

}  // namespace convoy
