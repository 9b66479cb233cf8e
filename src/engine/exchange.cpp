#include "engine/exchange.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace convoy {
namespace {

constexpr int most_nodes = 64;  // of one owner: twice the depth of the largest tree
constexpr int publish_tags = 1 << 23;
constexpr std::int64_t floats_of_message = 16 << 20;  // of a message of weights

// Blocks grouped by peer, in ascending order of both.
template <class PeerBlocks, class PeerOf>
std::vector<PeerBlocks> group_blocks(const std::vector<int>& blocks, const PeerOf& peer_of) {
  std::map<int, std::vector<int>> groups;
  for (const int block : blocks) groups[peer_of(block)].push_back(block);
  std::vector<PeerBlocks> parts;
  for (auto& [peer, list] : groups) parts.push_back({peer, std::move(list)});
  return parts;
}

template <class Predicate>
std::vector<int> filtered(const std::vector<int>& blocks, const Predicate& keep) {
  std::vector<int> kept;
  std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(kept), keep);
  return kept;
}

std::vector<Range> workers_of_hosts(const std::vector<int>& hosts) {
  std::vector<Range> ranges;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    const auto r = static_cast<std::int64_t>(rank);
    if (rank == 0 || hosts[rank] != hosts[rank - 1]) ranges.push_back({r, r});
    ranges.back().end = r + 1;
  }
  return ranges;
}

int tag_of(std::size_t bucket, std::size_t level, int node) {
  return static_cast<int>((bucket * 2 + level) * most_nodes) + node;
}

}  // namespace

Exchange::Exchange(Communicator& group, const Compute& device, const std::vector<Block>& blocks,
                   std::int64_t lanes, std::vector<Range> worker_lanes)
    : group_(group),
      device_(device),
      blocks_(blocks),
      lanes_(lanes),
      worker_lanes_(std::move(worker_lanes)),
      host_workers_(workers_of_hosts(group.hosts())) {
  deal_holders();
  plan_levels();
  std::int64_t floats = floats_of_message;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    if (floats + blocks_[b].count > floats_of_message) {
      messages_of_weights_.emplace_back();
      floats = 0;
    }
    messages_of_weights_.back().push_back(static_cast<int>(b));
    floats += blocks_[b].count;
  }
  plan_publishing();
}

void Exchange::deal_holders() {
  for (std::size_t h = 0; h < host_workers_.size(); ++h) {
    const Range workers = host_workers_[h];
    std::vector<int> holders = deal_blocks(blocks_, static_cast<int>(workers.size()));
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      const int owner = blocks_[b].owner;
      holders[b] += static_cast<int>(workers.begin);
      if (workers.begin <= owner && owner < workers.end) holders[b] = owner;
    }
    holders_.push_back(std::move(holders));
  }
  held_begin_.assign(blocks_.size(), -1);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    if (holder(host(), static_cast<int>(b)) != group_.rank()) continue;
    held_begin_[b] = held_size_;
    held_size_ += blocks_[b].count;
  }
}

void Exchange::plan_levels() {
  places_.clear();
  std::vector<Node> nodes;
  const Range workers = host_workers_[host()];
  const Range host_lanes{worker_lanes_[workers.begin].begin, worker_lanes_[workers.end - 1].end};
  for (std::int64_t w = workers.begin; w < workers.end; ++w) {
    int number = 0;
    for (const Range& node : cover(lanes_, worker_lanes_[w])) {
      nodes.push_back({node, static_cast<int>(w - workers.begin), number, -1});
      if (w == group_.rank()) {
        nodes.back().place = static_cast<int>(places_.size());
        places_.push_back({number, {}});
      }
      ++number;
    }
  }
  levels_.push_back(plan_level(nodes, host_lanes));
  if (host_workers_.size() == 1) return;

  nodes.clear();
  for (std::size_t h = 0; h < host_workers_.size(); ++h) {
    const Range own{worker_lanes_[host_workers_[h].begin].begin,
                    worker_lanes_[host_workers_[h].end - 1].end};
    int number = 0;
    for (const Range& node : cover(lanes_, own)) {
      const bool here = static_cast<int>(h) == host();
      nodes.push_back({node, static_cast<int>(h), number, here ? levels_[0].roots[number] : -1});
      ++number;
    }
  }
  levels_.push_back(plan_level(nodes, {0, lanes_}));
}

// Turns the tree's additions into operations on memory of ours. a + b and b + a are the same bits,
// so a sum stays where one of its parts is already, and what comes is added as it comes.
Exchange::Level Exchange::plan_level(const std::vector<Node>& nodes, Range target) {
  using Kind = Operation::Kind;
  Level level;
  std::vector<int> place;
  std::vector<Range> ranges;
  for (const Node& node : nodes) {
    place.push_back(node.place);
    ranges.push_back(node.lanes);
    if (node.place >= 0) level.own_places.push_back(node.place);
  }
  const auto receive = [&](Kind kind, std::int64_t node, int into) {
    level.operations.push_back({kind, into, 0, nodes[node].source, nodes[node].number});
  };
  const CoverPlan plan = plan_cover(lanes_, target, ranges);
  for (const Addition& add : plan.additions) {
    int& into = place[add.into];
    const int from = place[add.from];
    if (into < 0 && from < 0) {
      into = new_staging();
      receive(Kind::receive, add.into, into);
      receive(Kind::receive_add, add.from, into);
    } else if (into < 0) {
      receive(Kind::receive_add, add.into, from);
      into = from;
    } else if (from < 0) {
      receive(Kind::receive_add, add.from, into);
    } else {
      level.operations.push_back({Kind::add, into, from});
    }
  }
  for (const std::int64_t root : plan.roots) {
    if (place[root] < 0) {
      place[root] = new_staging();
      receive(Kind::receive, root, place[root]);
    }
    level.roots.push_back(place[root]);
  }
  return level;
}

int Exchange::new_staging() {
  places_.push_back({-1, device_.zeros({held_size_})});
  return static_cast<int>(places_.size()) - 1;
}

void Exchange::set_buckets(std::vector<std::vector<int>> buckets) {
  buckets_ = std::move(buckets);
  fill_host_level(levels_[0]);
  if (levels_.size() > 1) fill_network_level(levels_[1]);
}

void Exchange::fill_host_level(Level& level) const {
  const int me = group_.rank();
  const Range workers = host_workers_[host()];
  level.out.clear();
  level.added.clear();
  level.in.clear();
  for (const std::vector<int>& bucket : buckets_) {
    const auto mine = filtered(bucket, [&](int b) { return holder(host(), b) == me; });
    const auto others = filtered(bucket, [&](int b) { return holder(host(), b) != me; });
    level.added.push_back(mine);
    level.out.push_back(group_blocks<PeerBlocks>(others, [&](int b) { return holder(host(), b); }));
    level.in.emplace_back();
    for (std::int64_t w = workers.begin; w < workers.end; ++w)
      level.in.back().push_back({{static_cast<int>(w), mine}});
  }
}

void Exchange::fill_network_level(Level& level) const {
  const int me = group_.rank();
  level.out.clear();
  level.added.clear();
  level.in.clear();
  for (const std::vector<int>& bucket : buckets_) {
    const auto mine = filtered(bucket, [&](int b) { return blocks_[b].owner == me; });
    const auto held =
        filtered(bucket, [&](int b) { return holder(host(), b) == me && blocks_[b].owner != me; });
    level.added.push_back(mine);
    level.out.push_back(group_blocks<PeerBlocks>(held, [&](int b) { return blocks_[b].owner; }));
    level.in.emplace_back();
    for (std::size_t h = 0; h < host_workers_.size(); ++h) {
      level.in.back().push_back(
          group_blocks<PeerBlocks>(mine, [&](int b) { return holder(static_cast<int>(h), b); }));
    }
  }
}

Element* Exchange::at(int place, int block) {
  const Block& b = blocks_[block];
  Place& p = places_[place];
  if (p.root >= 0) return roots_[p.root]->data[b.gradient] + b.begin;
  return device_.data(p.staging) + held_begin_[block];
}

void Exchange::begin(std::span<PartialSum* const> roots) {
  roots_.assign(roots.begin(), roots.end());
}

void Exchange::reduce(std::size_t bucket, Reduction& reduction) {
  for (std::size_t level = 0; level < levels_.size(); ++level) run_level(level, bucket);
  const Level& last = levels_.back();
  for (const int b : last.added[bucket]) reduction.set_result(b, at(last.roots[0], b));
}

void Exchange::run_level(std::size_t number, std::size_t bucket) {
  const Level& level = levels_[number];
  // The first receive is posted before anything is sent (a sender need not ask then whether we are
  // ready); what it writes to are blocks held here, what is sent are the others.
  std::vector<Work> posted;
  if (!level.operations.empty() && level.operations[0].kind != Operation::Kind::add)
    posted = start_receive(level.operations[0], number, bucket);
  send_sums(number, bucket);
  for (std::size_t i = 0; i < level.operations.size(); ++i) {
    const Operation& operation = level.operations[i];
    if (operation.kind != Operation::Kind::add) {
      std::vector<Work> works =
          i == 0 ? std::move(posted) : start_receive(operation, number, bucket);
      for (Work& work : works) work.wait();
      add_received(operation, number, bucket);
      continue;
    }
    for (const int b : level.added[bucket])
      device_.add(at(operation.into, b), at(operation.from, b), blocks_[b].count);
  }
}

void Exchange::send_sums(std::size_t number, std::size_t bucket) {
  const Level& level = levels_[number];
  for (const PeerBlocks& part : level.out[bucket]) {
    for (std::size_t k = 0; k < level.own_places.size(); ++k) {
      SendPieces pieces;
      for (const int b : part.blocks) {
        pieces.push_back(device_.outgoing(at(level.own_places[k], b), blocks_[b].count));
        bytes_sent_ += pieces.back().size();
      }
      sends_.push_back(
          group_.isend(part.peer, tag_of(bucket, number, static_cast<int>(k)), std::move(pieces)));
    }
  }
}

std::vector<Work> Exchange::start_receive(const Operation& operation, std::size_t level,
                                          std::size_t bucket) {
  const bool adds = operation.kind == Operation::Kind::receive_add && device_.adds_in_place();
  const Receive mode = adds ? Receive::add : Receive::replace;
  std::vector<Work> works;
  for (const PeerBlocks& part : levels_[level].in[bucket][operation.source]) {
    if (part.blocks.empty()) continue;
    ReceivePieces pieces;
    for (const int b : part.blocks)
      pieces.push_back(device_.incoming(at(operation.into, b), blocks_[b].count));
    works.push_back(
        group_.irecv(part.peer, tag_of(bucket, level, operation.number), std::move(pieces), mode));
  }
  return works;
}

void Exchange::add_received(const Operation& operation, std::size_t level, std::size_t bucket) {
  for (const PeerBlocks& part : levels_[level].in[bucket][operation.source]) {
    for (const int b : part.blocks)
      device_.arrived(at(operation.into, b), blocks_[b].count,
                      operation.kind == Operation::Kind::receive_add);
  }
}

void Exchange::finish() {
  for (Work& work : sends_) work.wait();
  sends_.clear();
}

Work Exchange::send_weights(int peer, int tag, const std::vector<int>& blocks, Element* weights) {
  SendPieces pieces;
  for (const int b : blocks) {
    pieces.push_back(device_.outgoing(weights + blocks_[b].flat_begin, blocks_[b].count));
    bytes_sent_ += pieces.back().size();
  }
  return group_.isend(peer, tag, std::move(pieces));
}

Work Exchange::receive_weights(int peer, int tag, const std::vector<int>& blocks,
                               Element* weights) {
  ReceivePieces pieces;
  for (const int b : blocks)
    pieces.push_back(device_.incoming(weights + blocks_[b].flat_begin, blocks_[b].count));
  return group_.irecv(peer, tag, std::move(pieces));
}

void Exchange::take_in(const std::vector<int>& blocks, Element* weights) const {
  for (const int b : blocks)
    device_.arrived(weights + blocks_[b].flat_begin, blocks_[b].count, /*add=*/false);
}

void Exchange::plan_publishing() {
  const int me = group_.rank();
  const Range neighbours = host_workers_[host()];
  const auto owner = [&](int b) { return blocks_[b].owner; };
  const auto holder_here = [&](int b) { return holder(host(), b); };
  const auto here = [&](int b) {
    return neighbours.begin <= owner(b) && owner(b) < neighbours.end;
  };
  for (const std::vector<int>& blocks : messages_of_weights_) {
    Publication plan;
    plan.own = filtered(blocks, [&](int b) { return owner(b) == me; });
    for (std::size_t h = 0; h < host_workers_.size(); ++h) {
      if (static_cast<int>(h) == host()) continue;
      const auto at_h = [&](int b) { return holder(static_cast<int>(h), b); };
      for (PeerBlocks& part : group_blocks<PeerBlocks>(plan.own, at_h))
        plan.to_hosts.push_back(std::move(part));
    }
    const auto ours = filtered(blocks, [&](int b) { return here(b) && owner(b) != me; });
    const auto away = filtered(blocks, [&](int b) { return !here(b); });
    plan.from_neighbours = group_blocks<PeerBlocks>(ours, owner);
    plan.passed_on = filtered(away, [&](int b) { return holder_here(b) == me; });
    plan.from_hosts = group_blocks<PeerBlocks>(plan.passed_on, owner);
    plan.passed_on_to_me = group_blocks<PeerBlocks>(
        filtered(away, [&](int b) { return holder_here(b) != me; }), holder_here);
    publications_.push_back(std::move(plan));
  }
}

void Exchange::publish(Element* weights) {
  std::vector<Work> works;
  std::vector<std::vector<Work>> arriving;  // from other hosts, to be passed on
  const auto to_neighbours = [&](int tag, const std::vector<int>& blocks) {
    if (blocks.empty()) return;
    const Range neighbours = host_workers_[host()];
    for (std::int64_t w = neighbours.begin; w < neighbours.end; ++w) {
      const int peer = static_cast<int>(w);
      if (peer != group_.rank()) works.push_back(send_weights(peer, tag, blocks, weights));
    }
  };
  int tag = publish_tags;
  for (const Publication& plan : publications_) {
    arriving.emplace_back();
    for (const PeerBlocks& part : plan.from_hosts)
      arriving.back().push_back(receive_weights(part.peer, tag, part.blocks, weights));
    for (const PeerBlocks& part : plan.from_neighbours)
      works.push_back(receive_weights(part.peer, tag, part.blocks, weights));
    for (const PeerBlocks& part : plan.passed_on_to_me)
      works.push_back(receive_weights(part.peer, tag + 1, part.blocks, weights));
    for (const PeerBlocks& part : plan.to_hosts)
      works.push_back(send_weights(part.peer, tag, part.blocks, weights));
    to_neighbours(tag, plan.own);
    tag += 2;
  }
  tag = publish_tags;
  for (std::size_t m = 0; m < publications_.size(); ++m) {
    for (Work& work : arriving[m]) work.wait();
    take_in(publications_[m].passed_on, weights);
    to_neighbours(tag + 1, publications_[m].passed_on);
    tag += 2;
  }
  for (Work& work : works) work.wait();
  for (const Publication& plan : publications_) {
    for (const PeerBlocks& part : plan.from_neighbours) take_in(part.blocks, weights);
    for (const PeerBlocks& part : plan.passed_on_to_me) take_in(part.blocks, weights);
  }
}

void Exchange::publish_to_holders(Element* weights) {
  std::vector<Work> works;
  int tag = publish_tags;
  for (const Publication& plan : publications_) {
    for (const PeerBlocks& part : plan.from_hosts)
      works.push_back(receive_weights(part.peer, tag, part.blocks, weights));
    for (const PeerBlocks& part : plan.to_hosts)
      works.push_back(send_weights(part.peer, tag, part.blocks, weights));
    tag += 2;
  }
  for (Work& work : works) work.wait();
  for (const Publication& plan : publications_) take_in(plan.passed_on, weights);
}

std::uint64_t Exchange::take_bytes_sent() {
  return std::exchange(bytes_sent_, 0);
}

}  // namespace convoy
