#pragma once
// Checkpoints written in the background, while training goes on.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "convoy/checkpoint/checkpoint.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// What came of a state that a CheckpointWriter was given.
struct WrittenCheckpoint {
  std::int64_t step = 0;
  std::filesystem::path path;  ///< empty when it could not be written
  bool best = false;           ///< of those that there were when it had been written
  std::uint64_t bytes = 0;
  double seconds = 0;        ///< that writing took, in the background
  double stall_seconds = 0;  ///< that the caller of `submit` lost
  std::string error;         ///< one line; empty: it was written
};

/// Writes states into a store, one after the other, by a thread of its own. While one is written
/// one more may wait, so that up to two states are held in memory. All functions are for one thread
/// (that which trains).
class CheckpointWriter {
 public:
  using Clock = std::chrono::steady_clock;

  /// Nobody else may write to the store's folder meanwhile; who wants to read it calls `wait`
  /// first.
  explicit CheckpointWriter(CheckpointStore store);
  /// Waits until all that was submitted has been written, or has failed.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// Takes a state whose tensors nobody changes any more. A state that still waits is superseded by
  /// this newer one, unless the store would keep it for long (the best so far by what both say of
  /// themselves, or a step that is kept forever): then this call waits until its turn has come.
  /// `since`: when the caller began to copy the state, from which stall_seconds count.
  void submit(CheckpointState state, Clock::time_point since = Clock::now());

  /// What has been written, or has failed, since the last call, in order. A state that waits was
  /// dropped without a trace. Throws InputError for a state that no file can hold.
  std::vector<WrittenCheckpoint> take_finished();

  /// Until all that was submitted has been written, or has failed.
  void wait();

  /// The same. Throws IoError if the newest state could not be written; its result is not among
  /// those of take_finished any more.
  void wait_for_last();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy

#pragma GCC visibility pop
