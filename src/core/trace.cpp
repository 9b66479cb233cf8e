#include "convoy/core/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"

namespace convoy {
namespace {

// A part is lines of tab-separated fields. The first is the time of the first event; "track NAME
// DROPPED" starts a track, and each event of it is "BEGIN DURATION STEP ITEM ITEM_NAME NAME", times
// in nanoseconds. Names are JSON strings, so that they hold no tabs or line ends and go into the
// file as they are.

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::max();

/// Takes one part to pieces, line by line and field by field.
class Fields {
 public:
  Fields(std::string_view part, std::size_t rank) : rest_(part), rank_(rank) {}

  bool next_line() {
    if (rest_.empty()) return false;
    line_ = cut(rest_, '\n');
    return true;
  }
  std::string_view text() { return cut(line_, '\t'); }
  std::int64_t number() {
    const std::string_view field = text();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc{} || end != field.data() + field.size()) fail();
    return value;
  }
  /// A name that goes into the file as it is.
  std::string_view name() {
    const std::string_view field = text();
    if (!field.starts_with('"') || !nlohmann::json::accept(field)) fail();
    return field;
  }
  bool starts_track() const { return line_.starts_with("track\t"); }
  [[noreturn]] void fail() const {
    throw IoError(fmt::format("the trace of worker {} is damaged", rank_));
  }

 private:
  static std::string_view cut(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return field;
  }

  std::string_view rest_;
  std::string_view line_;
  std::size_t rank_;
};

std::string_view category_of(std::string_view name) {
  static constexpr struct {
    std::string_view begin;
    std::string_view category;
  } categories[] = {
      {"load", "data"},
      {"fetch", "data"},
      {"forward", "compute"},
      {"backward", "compute"},
      {"compute", "compute"},
      {"evaluate", "compute"},
      {"reduce", "update"},
      {"update", "update"},
      {"send", "communication"},
      {"receive", "communication"},
      {"gather", "communication"},
      {"publish", "communication"},
      {"wait", "wait"},
  };
  for (const auto& entry : categories) {
    if (name.starts_with(entry.begin)) return entry.category;
  }
  return "other";
}

/// Nanoseconds as microseconds, to the last digit: rounding would break the nesting of events.
std::string microseconds(std::int64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

/// The list of events in a Chrome trace. Its times begin at `start`: since the epoch, they would
/// have more digits than the doubles of a viewer.
class EventList {
 public:
  explicit EventList(std::int64_t start) : start_(start) {}

  void add_worker(std::size_t rank, std::string_view part) {
    add_metadata(rank, 0, "process_name", fmt::format(R"("name":"worker {}")", rank));
    add_metadata(rank, 0, "process_sort_index", fmt::format(R"("sort_index":{})", rank));
    Fields fields(part, rank);
    fields.next_line();  // the time of the first event
    std::int64_t track = -1;
    while (fields.next_line()) {
      if (fields.starts_track())
        add_track(rank, ++track, fields);
      else if (track < 0)
        fields.fail();
      else
        add_event(rank, track, fields);
    }
  }

  /// The whole file.
  std::string document() && {
    text_ += fmt::format(
        "\n],\"displayTimeUnit\":\"ms\",\"otherData\":{{"
        "\"start_nanoseconds_since_epoch\":{},\"dropped_events\":{}}}}}\n",
        start_ == no_time ? 0 : start_, dropped_);
    return std::move(text_);
  }

 private:
  void separate() {
    text_ += empty_ ? "\n" : ",\n";
    empty_ = false;
  }
  void add_metadata(std::size_t rank, std::int64_t track, std::string_view kind,
                    std::string_view argument) {
    separate();
    fmt::format_to(std::back_inserter(text_),
                   R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{{}}}}})", rank, track, kind,
                   argument);
  }
  void add_track(std::size_t rank, std::int64_t track, Fields& fields) {
    fields.text();  // "track"
    std::string name(fields.name());
    const std::int64_t dropped = fields.number();
    dropped_ += dropped;
    if (dropped > 0) {
      name.pop_back();
      name += fmt::format(" ({} events dropped)\"", dropped);
    }
    add_metadata(rank, track, "thread_name", fmt::format(R"("name":{})", name));
    add_metadata(rank, track, "thread_sort_index", fmt::format(R"("sort_index":{})", track));
  }
  void add_event(std::size_t rank, std::int64_t track, Fields& fields) {
    const std::int64_t begin = fields.number();
    const std::int64_t duration = fields.number();
    const std::int64_t step = fields.number();
    const std::int64_t item = fields.number();
    const std::string_view item_name = fields.name();
    const std::string_view name = fields.name();
    if (begin < start_ || duration < 0) fields.fail();
    separate();
    fmt::format_to(
        std::back_inserter(text_),
        R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"cat":"{}","name":{},"args":{{)", rank,
        track, microseconds(begin - start_), microseconds(duration), category_of(name.substr(1)),
        name);
    if (step >= 0) fmt::format_to(std::back_inserter(text_), R"("step":{})", step);
    if (item >= 0) {
      fmt::format_to(std::back_inserter(text_), R"({}{}:{})", step >= 0 ? "," : "", item_name,
                     item);
    }
    text_ += "}}";
  }

  std::int64_t start_;
  std::int64_t dropped_ = 0;
  bool empty_ = true;
  std::string text_ = "{\"traceEvents\":[";
};

}  // namespace

Trace::Track::Track(std::string name, std::size_t most_events)
    : name_(std::move(name)), most_events_(most_events) {}

void Trace::Track::add(const char* name, Clock::time_point begin, Clock::time_point end,
                       std::int64_t step, std::int64_t item, const char* item_name) {
  if (events_.size() < most_events_)
    events_.push_back({begin, end, name, item_name, step, item});
  else
    ++dropped_;
}

std::vector<const Trace::Track::Event*> Trace::Track::in_order() const {
  std::vector<const Event*> events;
  events.reserve(events_.size());
  for (const Event& event : events_) events.push_back(&event);
  // What contains others comes before them, though it was added when it ended, after them.
  std::stable_sort(events.begin(), events.end(), [](const Event* a, const Event* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end > b->end;
  });
  return events;
}

Trace::Trace(std::int64_t max_events_per_track)
    : most_events_(static_cast<std::size_t>(std::max<std::int64_t>(0, max_events_per_track))),
      steady_start_(Clock::now()),
      system_start_(std::chrono::system_clock::now()) {}

Trace::Track& Trace::track(const std::string& name) {
  const std::lock_guard lock(mutex_);
  for (Track& track : tracks_) {
    if (track.name_ == name) return track;
  }
  return tracks_.emplace_back(name, most_events_);
}

std::int64_t Trace::nanoseconds(Clock::time_point time) const {
  using std::chrono::duration_cast;
  using std::chrono::nanoseconds;
  return duration_cast<nanoseconds>(system_start_.time_since_epoch()).count() +
         duration_cast<nanoseconds>(time - steady_start_).count();
}

std::string Trace::serialise() const {
  const std::lock_guard lock(mutex_);
  std::int64_t start = no_time;
  std::map<const char*, std::string> names;  // by address, of which there are few
  const auto name_of = [&](const char* name) -> const std::string& {
    std::string& text = names[name];
    if (text.empty()) text = json_string(name ? name : "item");
    return text;
  };
  std::string lines;
  for (const Track& track : tracks_) {
    fmt::format_to(std::back_inserter(lines), "track\t{}\t{}\n", json_string(track.name_),
                   track.dropped_);
    for (const Track::Event* event : track.in_order()) {
      const std::int64_t begin = nanoseconds(event->begin);
      start = std::min(start, begin);
      fmt::format_to(std::back_inserter(lines), "{}\t{}\t{}\t{}\t{}\t{}\n", begin,
                     std::max<std::int64_t>(0, nanoseconds(event->end) - begin), event->step,
                     event->item, name_of(event->item_name), name_of(event->name));
    }
  }
  return fmt::format("{}\n{}", start, lines);
}

void write_trace(const std::filesystem::path& file, const std::vector<std::string>& parts) {
  std::int64_t start = no_time;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    Fields fields(parts[rank], rank);
    if (!fields.next_line()) continue;
    start = std::min(start, fields.number());
    if (start < 0) fields.fail();
  }
  EventList events(start);
  for (std::size_t rank = 0; rank < parts.size(); ++rank) events.add_worker(rank, parts[rank]);
  write_file_atomically(file, std::move(events).document());
}

}  // namespace convoy
