#pragma once
// The checkpoints of a run: what a strategy saves, written by one worker in the background where it
// has all of it, by all workers together where each has a part.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/checkpoint/writer.hpp"
#include "convoy/comm/communicator.hpp"
#include "strategies/setup.hpp"

namespace convoy {

class CheckpointManager {
 public:
  using Json = nlohmann::ordered_json;
  struct Options {
    std::filesystem::path out;  ///< the run's folder
    std::int64_t keep = 1;
    std::int64_t keep_every = 0;
    Json identity;  ///< of the job: a checkpoint of another one is refused
    Json model;     ///< goes into `model` of each
    std::function<void(const WrittenCheckpoint&)> on_written;  ///< on the worker that writes
  };
  explicit CheckpointManager(Options options);
  ~CheckpointManager();

  /// Collective where strategy.has_parts(), else for the first alone. `group`: null for the only
  /// worker. `meta`: what is added to what the strategy has saved.
  void write(Strategy& strategy, Communicator* group, std::int64_t step,
             const std::function<Json()>& meta);
  /// Reports what came of those that were written in the background.
  void report_finished();
  /// At the end: the last state must have been kept. Throws IoError.
  void settle();

  struct Found {
    StateReader reader;
    Json event;  ///< what `resumed` says beside time and step
  };
  /// The newest that is whole, of this job; nothing if there is none. Those of steps after `newest`
  /// are removed before. Warns on the terminal of damage, and of bits that may differ from here on.
  std::optional<Found> read_newest(std::optional<std::int64_t> newest = std::nullopt);

 private:
  WrittenCheckpoint write_parts(const StateWriter& writer, Communicator& group);
  void collect_parts(const Shard& mine, std::int64_t step, Communicator& group);
  bool folder_is_shared(Communicator& group, std::int64_t step);
  void remove_later(std::int64_t newest);

  Options options_;
  CheckpointStore store_;
  std::unique_ptr<CheckpointWriter> writer_;  // null: nothing has been written yet
  std::optional<bool> folder_shared_;         // by all workers
  std::vector<ShardFile> collected_;          // written by worker 0 for others
};

}  // namespace convoy
