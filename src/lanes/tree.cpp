#include "convoy/lanes/tree.hpp"

#include <bit>
#include <stdexcept>

namespace convoy {
namespace {

void collect_cover(Range node, Range owned, std::vector<Range>& out) {
  if (node.end <= owned.begin || owned.end <= node.begin) return;
  if (owned.begin <= node.begin && node.end <= owned.end) {
    out.push_back(node);
    return;
  }
  const std::int64_t middle = split_of(node);
  collect_cover({node.begin, middle}, owned, out);
  collect_cover({middle, node.end}, owned, out);
}

// Plans the sum of `node` from nodes[next...]; returns the index of the partial that holds it.
std::int64_t plan(Range node, const std::vector<Range>& nodes, std::size_t& next,
                  std::vector<Addition>& out) {
  if (next < nodes.size() && nodes[next] == node) return static_cast<std::int64_t>(next++);
  if (node.size() < 2)
    throw std::invalid_argument("the partial sums do not tile the reduction tree");
  const std::int64_t middle = split_of(node);
  const std::int64_t left = plan({node.begin, middle}, nodes, next, out);
  const std::int64_t right = plan({middle, node.end}, nodes, next, out);
  out.push_back({left, right});
  return left;
}

}  // namespace

std::int64_t split_of(Range node) {
  const auto size = static_cast<std::uint64_t>(node.size());
  return node.begin + static_cast<std::int64_t>(std::bit_floor(size - 1));
}

std::vector<Range> cover(std::int64_t lanes, Range owned) {
  std::vector<Range> nodes;
  if (!owned.empty()) collect_cover({0, lanes}, owned, nodes);
  return nodes;
}

bool are_siblings(std::int64_t lanes, Range left, Range right) {
  Range node{0, lanes};
  while (node.size() >= 2) {
    const std::int64_t middle = split_of(node);
    if (left == Range{node.begin, middle} && right == Range{middle, node.end}) return true;
    node = left.begin < middle ? Range{node.begin, middle} : Range{middle, node.end};
  }
  return false;
}

CoverPlan plan_cover(std::int64_t lanes, Range owned, const std::vector<Range>& nodes) {
  CoverPlan out;
  std::size_t next = 0;
  for (const Range& node : cover(lanes, owned))
    out.roots.push_back(plan(node, nodes, next, out.additions));
  if (next != nodes.size())
    throw std::invalid_argument("more partial sums than the reduction tree has room for");
  return out;
}

std::vector<Addition> additions(std::int64_t lanes, const std::vector<Range>& nodes) {
  return plan_cover(lanes, {0, lanes}, nodes).additions;
}

double tree_sum(const std::vector<double>& lane_values) {
  std::vector<Range> leaves;
  const auto lanes = static_cast<std::int64_t>(lane_values.size());
  if (lanes == 0) return 0;
  for (std::int64_t lane = 0; lane < lanes; ++lane) leaves.push_back({lane, lane + 1});
  std::vector<double> partial = lane_values;
  for (const Addition& add : additions(lanes, leaves)) partial[add.into] += partial[add.from];
  return partial[0];
}

}  // namespace convoy
