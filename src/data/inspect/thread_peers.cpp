#include "data/inspect/thread_peers.hpp"

#include <barrier>

#include "core/replica_pool.hpp"

namespace convoy {
namespace {

/// Where the threads leave their messages for each other.
class MessageBoard {
 public:
  explicit MessageBoard(int size) : barrier_(size), messages_(static_cast<std::size_t>(size)) {}

  std::vector<std::string> exchange(int rank, const std::string& mine) {
    messages_[static_cast<std::size_t>(rank)] = mine;
    barrier_.arrive_and_wait();
    std::vector<std::string> all = messages_;
    barrier_.arrive_and_wait();
    return all;
  }
  /// Nobody waits for this thread any more.
  void leave() { barrier_.arrive_and_drop(); }
  int size() const { return static_cast<int>(messages_.size()); }

 private:
  std::barrier<> barrier_;
  std::vector<std::string> messages_;
};

class ThreadPeer final : public Peers {
 public:
  ThreadPeer(MessageBoard& board, int rank) : board_(board), rank_(rank) {}
  ~ThreadPeer() override { board_.leave(); }
  int rank() const override { return rank_; }
  int size() const override { return board_.size(); }
  std::vector<std::string> all_gather(const std::string& mine) override {
    return board_.exchange(rank_, mine);
  }

 private:
  MessageBoard& board_;
  int rank_;
};

}  // namespace

void run_as_peers(int replicas, const std::function<void(Peers& peers)>& work) {
  MessageBoard board(replicas);
  ReplicaPool(replicas).run([&](int replica) {
    ThreadPeer peer(board, replica);
    work(peer);
  });
}

}  // namespace convoy
