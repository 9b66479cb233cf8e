#pragma once
// What a server knows: its shards, their tables and, with shard 0, the task queue.
// No sockets, no threads.
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/rows.hpp"
#include "server/shard.hpp"
#include "server/task_queue.hpp"
#include "server/wire.hpp"

namespace convoy::server {

class ShardStore {
 public:
  /// Of `shards` shards those that it is asked about are here.
  explicit ShardStore(std::uint32_t shards) : shards_(shards) {}

  /// False: not yet, to be asked again when another request has changed
  /// something. `answer` may be an error, which has changed nothing.
  /// `answer.data` is good until the next request.
  bool handle(const Message& request, Message& answer);

  /// Whether a request changes what a backup must have too.
  static bool changes(const Message& request);
  /// What a backup must be told in its stead of a request that was answered;
  /// else nothing.
  std::optional<Message> decision(const Message& request, const Message& answer) const;

  /// All that is known of a shard at this instant. A host that has it, and then gets the requests
  /// that change the shard from here on, answers with the same bits.
  void save(std::uint32_t shard, SnapshotWriter& out) const;
  /// The reverse, in place of what was known of the shard. Throws RequestError, and then nothing
  /// has changed. Takes the memory of the shard once more than `in` has it.
  void restore(std::uint32_t shard, SnapshotReader& in);
  /// Workers that said hello and have not closed.
  std::set<std::uint64_t> workers() const;

  /// A worker is gone for good.
  void gone(std::uint64_t worker);
  /// All that said hello have closed, or are gone.
  bool closed() const { return !closed_.empty() && open_.empty(); }
  /// The last one closed; where it is gone, others may come in its place.
  bool dismissed() const { return dismissed_; }

 private:
  struct Table {
    std::string text;
    RowShard rows;
    std::map<std::uint64_t, std::uint64_t> pushed;  // the last one, by worker
  };
  struct Cell {
    std::unique_ptr<Shard> shard;
    std::optional<TaskQueue> task_queue;
    std::vector<Table> tables;
  };

  static Cell restore_cell(SnapshotReader& in, std::uint32_t shards, std::uint32_t shard);
  bool answer_to(const Message& request, Message& answer);
  void hello(const Message& request);
  void plan(Cell& cell, const Message& request);
  bool of_shard(Cell& cell, const Message& request, Message& answer);
  void make_table(Cell& cell, const Message& request, Message& answer);
  void of_rows(Cell& cell, const Message& request, Message& answer);
  std::string statistics() const;

  std::uint32_t shards_;
  std::string job_;  // as the first worker described it
  std::map<std::uint32_t, Cell> cells_;
  std::vector<float> values_;                              // rows of an answer
  using Member = std::pair<std::uint64_t, std::uint32_t>;  // worker, shard
  std::set<Member> open_;
  std::set<Member> closed_;
  bool dismissed_ = false;
};

}  // namespace convoy::server
