#pragma once
// Who watches a run. The Trainer emits events; the log, the progress bar (report/progress) and
// users' own code consume them.
//
// An event is a JSON object as a line of metrics.jsonl: always `time` (seconds since the epoch,
// UTC), `step`, `event`, `epoch`, and what docs/run-folder.md lists for each kind of event. Only
// observers are told of `start`, which comes first in each process that records the run.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#pragma GCC visibility push(default)

namespace convoy {

class Observer {
 public:
  virtual ~Observer() = default;
  /// Called by one thread at a time, between steps: whatever it does, training waits for.
  virtual void on_event(const nlohmann::ordered_json& event) = 0;
  /// The run has ended well, and all of its folder is written.
  virtual void on_end(const std::filesystem::path& /*run*/) {}
};

/// Appends each event but `start` as a line of `metrics.jsonl`, flushed line by line. A new run
/// (`resume_step` 0) starts the file anew; one resumed at step N first drops the lines of later
/// steps and an incomplete last line (atomically). Throws IoError (full disk, read-only).
std::unique_ptr<Observer> json_lines_log(const std::filesystem::path& file,
                                         std::int64_t resume_step = 0);

/// The log of a run that another worker kept until it was lost, and that this one goes on with at
/// `step`, the next step to be committed: keeps the whole lines of earlier steps, and of `step`
/// itself those that are not logged again (lost, joined, moved, repaired, recovered, resumed);
/// drops later ones and an incomplete last line (atomically). Throws IoError.
std::unique_ptr<Observer> continue_json_lines_log(const std::filesystem::path& file,
                                                  std::int64_t step);

/// How far such a log has come.
struct LoggedProgress {
  std::int64_t step = 0;     ///< the last one that a whole line is about
  std::int64_t skipped = 0;  ///< steps that were left out
  double seconds = 0;        ///< from the first line to the last
  double time = 0;           ///< of the last
};
/// Nothing where there is no such file. Throws IoError.
std::optional<LoggedProgress> logged_progress(const std::filesystem::path& file);

/// Who has come and gone by such a log's lines of after `time`: `joined` or `lost`, and the worker.
std::set<std::pair<std::string, int>> logged_changes(const std::filesystem::path& file,
                                                     double time);

}  // namespace convoy

#pragma GCC visibility pop
