#pragma once
// A timeline of what every thread of every worker did, to be looked at in Perfetto
// (https://ui.perfetto.dev) or chrome://tracing.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// One worker's timeline. Adding an event takes no lock and no formatting, so it may be left on
/// while training. Times are taken from the steady clock and told in the system clock's time, by
/// the difference of the two when the Trace was made: the workers of several hosts line up as well
/// as their system clocks do.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;

  /// A row of the timeline. Written by one thread at a time, without locks; different tracks by
  /// different threads at once.
  class Track {
   public:
    explicit Track(std::string name, std::size_t most_events);

    /// From `begin` to `end`, not before it, something called `name` took place: load, forward,
    /// backward, reduce, update, wait, send, receive... `item` is which one of `item_name` it was
    /// about ("lane" 3, "bucket" 0); -1 means no step, no item. Events of one track must be nested
    /// or apart. `name` and `item_name` are not copied: string literals.
    void add(const char* name, Clock::time_point begin, Clock::time_point end,
             std::int64_t step = -1, std::int64_t item = -1, const char* item_name = nullptr);

   private:
    friend class Trace;
    struct Event {
      Clock::time_point begin;
      Clock::time_point end;
      const char* name;
      const char* item_name;
      std::int64_t step;
      std::int64_t item;
    };

    std::vector<const Event*> in_order() const;

    std::string name_;
    std::size_t most_events_;
    std::size_t dropped_ = 0;
    std::deque<Event> events_;
  };

  /// An event takes 48 bytes. Beyond `max_events_per_track` a track's events are dropped; the
  /// written file tells how many.
  explicit Trace(std::int64_t max_events_per_track = 1'000'000);

  /// The row of that name, made on first use; rows are shown in the order they were made.
  /// Thread-safe. The reference stays valid as long as the Trace.
  Track& track(const std::string& name);

  /// All events as compact text, to be sent to the worker that writes the file. No thread may be
  /// adding events meanwhile.
  std::string serialise() const;

 private:
  std::int64_t nanoseconds(Clock::time_point time) const;  ///< since the epoch, UTC

  std::size_t most_events_;
  Clock::time_point steady_start_;
  std::chrono::system_clock::time_point system_start_;
  mutable std::mutex mutex_;  ///< of the list of tracks, not of their events
  std::deque<Track> tracks_;
};

/// Writes the Trace Event Format of Chrome
/// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU): a process
/// "worker K" for each part, a thread for each of its tracks, "X" events with `ts` and `dur` in
/// microseconds from the first event of all, `cat` (data, compute, update, communication, wait,
/// other) and `args` {step, lane...}. parts[rank] is what worker `rank`'s Trace::serialise gave;
/// empty for a worker that is lost. Replaces the file atomically. Throws IoError when it cannot be
/// written or a part is damaged.
void write_trace(const std::filesystem::path& file, const std::vector<std::string>& parts);

}  // namespace convoy

#pragma GCC visibility pop
