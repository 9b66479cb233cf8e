#pragma once
// The parameter server's messages as bytes. No sockets.
//
// A message is two frames: a head of fixed fields, lists and text, and the
// float32 elements that go with it. Integers are little-endian. The head ends
// with an XXH3 of itself and of the elements.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/core/error.hpp"
#include "convoy/lanes/lane.hpp"

namespace convoy::server {

/// Requests and answers; which fields count for each is told here.
enum class Kind : std::uint8_t {
  hello = 1,  ///< worker, text: what the job is; answer: version (see
              ///< `Message::version`)
  plan,       ///< text: ShardPlan; numbers: running statistics (shard 0)
  load,       ///< array, first, data
  ready,      ///< version, step: all arrays are loaded
  push,       ///< worker, task, step, lanes: a node of the tree; first, data; with flag lines:
              ///< count, rows and data; of a plan with compression lanes: the task's; first, count;
              ///< rows: the codec's draw; data: what it made of count elements (floats_for)
  squares,    ///< step; answer: numbers, one for each block
  apply,      ///< worker, task, step, lanes: what was pushed; rate, scale, clip;
              ///< flag skipped
  pull,       ///< worker, task, version: at least; first, count; rows: the version
              ///< that the worker has and `array` of the answer that it came with, or nothing;
              ///< answer: data, version, array; with flag lines: rows and data of the lines that
              ///< have changed since
  fetch,      ///< array, first, count; answer: data, version
  take,       ///< worker; answer: a task
  report,     ///< worker, step, lanes, count: samples; numbers; text: counters;
              ///< flag stop
  step_result,  ///< worker, step; answer: numbers: losses, or a task that somebody lost
  gone,         ///< worker: it will not come back
  table,        ///< text: TablePlan
  pull_rows,    ///< array: the table; rows; answer: data
  push_rows,    ///< worker, task, array: the table; rows; data; rate
  statistics,   ///< answer: text (JSON)
  close,        ///< the server may end
  assigned,     ///< to a backup: worker, step, lanes: a task was given out
  seed,         ///< to a backup to be: worker: the server that sends it; first: which piece of the
                ///< shard's snapshot; data; flag finished: the last one, which is answered
  seeded,       ///< to the same: worker: who sends it; flag finished: we wait for you from here on
  answer,
  error,  ///< answer: text
};
constexpr std::uint8_t kinds = static_cast<std::uint8_t>(Kind::error);

enum Flag : std::uint32_t {
  skipped = 1,      ///< apply: the step changes nothing
  stop = 2,         ///< somebody was asked to stop
  finished = 4,     ///< take: no more tasks
  orphan = 8,       ///< step_result: a task to be done again
  replicated = 16,  ///< from a primary to its backup, or to what is to become it
  moved = 64,       ///< error: not this server, or not yet; to be asked again
  lines = 128,      ///< push, answer to pull: rows are runs of lines (lines.hpp), data these lines
};

struct Message {
  Kind kind = Kind::error;
  std::uint32_t shard = 0;
  std::uint32_t flags = 0;
  std::uint32_t array = 0;       ///< 0: weights, then the optimizer's states
  std::uint64_t sequence = 0;    ///< of its connection, from 1 upwards
  std::uint64_t request = 0;     ///< names a request and its answer
  std::uint64_t generation = 0;  ///< of the map of servers, as the sender knows it
  std::uint64_t worker = 0;
  std::uint64_t task = 0;  ///< of this worker, from 1 upwards
  std::int64_t step = 0;
  Range lanes;
  std::int64_t first = 0;    ///< element of the shard's arrays
  std::int64_t count = 0;    ///< elements, or samples
  std::int64_t version = 0;  ///< of a shard: steps (bsp) or updates that it has seen
  double rate = 0;
  double scale = 1;
  double clip = 0;
  std::vector<double> numbers;
  std::vector<std::uint64_t> rows;
  std::string text;
  std::span<const float> data;  ///< somebody else's memory

  bool has(Flag flag) const { return (flags & flag) != 0; }
};

/// Bytes of weights, gradients and of which rows or lines they are.
inline std::uint64_t payload_bytes(const Message& message) {
  return message.data.size_bytes() + message.rows.size() * sizeof(std::uint64_t);
}

/// Elements that as many bytes fill, which have zeros after them.
constexpr std::size_t floats_for(std::size_t bytes) {
  return (bytes + sizeof(float) - 1) / sizeof(float);
}

/// A worker's number is its process' times this, and its replica's.
constexpr std::uint32_t replicas_of_process = 4096;

/// What is refused before it is read.
struct Limits {
  static constexpr std::size_t floats = std::size_t{16} << 20;  // of a message: 64 MiB
  static constexpr std::size_t numbers = std::size_t{4} << 20;
  static constexpr std::size_t rows = std::size_t{4} << 20;
  static constexpr std::size_t text = std::size_t{1} << 20;
  static constexpr std::size_t frame = floats * sizeof(float) + 4096;
};

/// The bytes are no message.
class WireError : public Error {
 public:
  using Error::Error;
};

/// What was asked for cannot be: the request is refused and changes nothing.
class RequestError : public Error {
 public:
  using Error::Error;
};

/// The head of a message; its second frame is `message.data` as it lies in
/// memory. Throws WireError when the message is larger than the limits.
std::string encode_head(const Message& message);

/// The reverse. `data` must be aligned for float and outlive the message.
/// Throws WireError.
Message decode(std::string_view head, std::span<const std::byte> data);

}  // namespace convoy::server
