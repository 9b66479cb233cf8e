#pragma once
// The reduction tree: one fixed binary tree over the lanes, along which everything is summed.
// Floating-point addition is not associative; adding along the same tree whoever owns which lanes
// is what makes results bit-identical. Pure functions; thread-safe.
#include <cstdint>
#include <vector>

#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Where a node of more than one lane splits: the left child takes the largest power of two smaller
/// than the node, as in RFC 6962's Merkle trees, so that every left child is a complete binary
/// tree. Requires node.size() >= 2.
std::int64_t split_of(Range node);

/// The maximal whole subtrees inside `owned`, left to right: O(log lanes) of them. Only their sums
/// need to travel.
std::vector<Range> cover(std::int64_t lanes, Range owned);

/// Whether `left` and `right` are the two children of one node of the tree.
bool are_siblings(std::int64_t lanes, Range left, Range right);

/// One addition: partial[into] += partial[from].
struct Addition {
  std::int64_t into = 0;
  std::int64_t from = 0;
  bool operator==(const Addition&) const = default;
};

/// The additions, in order, that turn the sums of `nodes` (left to right, together all the lanes;
/// each a subtree) into the sum of the whole tree in partial[0]. Throws std::invalid_argument when
/// the nodes do not tile the tree.
std::vector<Addition> additions(std::int64_t lanes, const std::vector<Range>& nodes);

/// How the owner of `owned` turns its sums into those that travel.
struct CoverPlan {
  std::vector<Addition> additions;
  std::vector<std::int64_t> roots;  ///< which partials then hold cover(lanes, owned), in order
};

/// As additions, for `nodes` that together are `owned` instead of all the lanes.
CoverPlan plan_cover(std::int64_t lanes, Range owned, const std::vector<Range>& nodes);

/// Sums one number per lane along the tree.
double tree_sum(const std::vector<double>& lane_values);

}  // namespace convoy

#pragma GCC visibility pop
