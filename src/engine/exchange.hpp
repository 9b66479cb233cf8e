#pragma once
// What workers send each other in a step: partial sums to the owners of blocks, and the new weights
// back. Only canonical partial sums travel (docs/design/step.md).
//
// Hosts are a level of their own: the workers of a host first add up what they have (through shared
// memory), and one of them, by block, sends the host's sums on to the block's owner; weights come
// back the same way. So what crosses the network does not grow with the workers of a host.
#include <cstdint>
#include <span>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/lanes/tree.hpp"
#include "engine/reduction.hpp"

namespace convoy {

class Exchange {
 public:
  /// `device`: where sums and weights are. `lanes` by worker: contiguous, in rank order.
  Exchange(Communicator& group, const Compute& device, const std::vector<Block>& blocks,
           std::int64_t lanes, std::vector<Range> worker_lanes);

  /// Which blocks travel together: bucket k's messages carry buckets[k].
  void set_buckets(std::vector<std::vector<int>> buckets);
  const std::vector<std::vector<int>>& buckets() const { return buckets_; }

  /// The sums of this worker's cover nodes, for the buckets that follow.
  void begin(std::span<PartialSum* const> roots);
  /// Sends this worker's sums of a bucket, and reduces the blocks of it that are this worker's:
  /// their results are given to `reduction`. Buckets in the same order on all workers. Throws
  /// PeerError, TimeoutError.
  void reduce(std::size_t bucket, Reduction& reduction);
  /// After the last bucket: the sums may be changed again.
  void finish();

  /// Sends the weights of this worker's blocks to all and takes in everybody else's.
  void publish(Element* weights);
  /// Sends them to their holders on other hosts only, and takes in those that this worker holds.
  void publish_to_holders(Element* weights);
  /// By block: the worker of this host that sums go through and that gets them from elsewhere; the
  /// owner if it is one of this host.
  const std::vector<int>& holders() const { return holders_[host()]; }

  /// Payload bytes that this worker sent in reduce and publish since the last call.
  std::uint64_t take_bytes_sent();

 private:
  // Where a node's sum is: a root of this worker, or memory of our own for the blocks held here.
  struct Place {
    int root = -1;
    torch::Tensor staging;
  };
  // Blocks that go to a peer, or come from it, in one message.
  struct PeerBlocks {
    int peer = 0;
    std::vector<int> blocks;
  };
  struct Operation {
    enum class Kind { add, receive, receive_add } kind;
    int into = 0;    // a place
    int from = 0;    // add: a place
    int source = 0;  // receive: whose node, and which of its nodes
    int number = 0;
  };
  // One round of reduction: within the host (sources are workers), then between hosts.
  struct Level {
    std::vector<int> own_places;  // my nodes, in order
    std::vector<Operation> operations;
    std::vector<int> roots;                                // places of the results
    std::vector<std::vector<PeerBlocks>> out;              // by bucket: what I send
    std::vector<std::vector<int>> added;                   // by bucket: what I add up
    std::vector<std::vector<std::vector<PeerBlocks>>> in;  // by bucket and source
  };
  // One message's worth of weights on their way back.
  struct Publication {
    std::vector<int> own;              // my blocks: to all neighbours
    std::vector<PeerBlocks> to_hosts;  // and to those who hold them on other hosts
    std::vector<PeerBlocks> from_neighbours;
    std::vector<PeerBlocks> from_hosts;  // blocks that I hold and owners elsewhere
    std::vector<int> passed_on;          // the same blocks: to all neighbours
    std::vector<PeerBlocks> passed_on_to_me;
  };
  struct Node {
    Range lanes;
    int source = 0;
    int number = 0;
    int place = -1;  // -1: elsewhere
  };

  int host() const { return group_.hosts()[group_.rank()]; }
  int holder(int at_host, int block) const { return holders_[at_host][block]; }
  void deal_holders();
  void plan_levels();
  void plan_publishing();
  Level plan_level(const std::vector<Node>& nodes, Range target);
  void fill_host_level(Level& level) const;
  void fill_network_level(Level& level) const;
  int new_staging();
  Element* at(int place, int block);
  void run_level(std::size_t level, std::size_t bucket);
  void send_sums(std::size_t level, std::size_t bucket);
  std::vector<Work> start_receive(const Operation& operation, std::size_t level,
                                  std::size_t bucket);
  void add_received(const Operation& operation, std::size_t level, std::size_t bucket);
  Work send_weights(int peer, int tag, const std::vector<int>& blocks, Element* weights);
  Work receive_weights(int peer, int tag, const std::vector<int>& blocks, Element* weights);
  void take_in(const std::vector<int>& blocks, Element* weights) const;

  Communicator& group_;
  const Compute& device_;
  const std::vector<Block>& blocks_;
  std::int64_t lanes_;
  std::vector<Range> worker_lanes_;
  std::vector<Range> host_workers_;
  std::vector<std::vector<int>> holders_;  // by host and block: who adds up the host's sums
  std::vector<std::int64_t> held_begin_;   // by block: its place in staging memory
  std::int64_t held_size_ = 0;
  std::vector<std::vector<int>> buckets_;
  std::vector<std::vector<int>> messages_of_weights_;  // blocks that are published together
  std::vector<Publication> publications_;
  std::vector<Level> levels_;
  std::vector<Place> places_;
  std::vector<PartialSum*> roots_;
  std::vector<Work> sends_;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace convoy
