#include "convoy/data/peers/segments.hpp"

#include <fmt/format.h>

#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/lanes/tree.hpp"
#include "data/peers/agree.hpp"

namespace convoy {
namespace {

Range segments_of(int rank, int workers) {
  return even_part(segment_count, workers, rank);
}

/// The sum of one subtree of segments.
std::vector<double> sum_node(Range node, std::int64_t rows, const RowSum& sum) {
  if (node.size() == 1) {
    std::vector<double> partial(sum.width);
    sum.take(even_part(rows, segment_count, node.begin), partial);
    return partial;
  }
  const std::int64_t middle = split_of(node);
  std::vector<double> left = sum_node({node.begin, middle}, rows, sum);
  const std::vector<double> right = sum_node({middle, node.end}, rows, sum);
  sum.add(left, right);
  return left;
}

std::string bytes_of(const std::vector<double>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double)};
}

/// The partial sums a worker sent, one a subtree of its segments.
std::vector<std::vector<double>> partials_of(const std::string& bytes, std::size_t worker,
                                             std::size_t nodes, std::size_t width) {
  const std::size_t size = width * sizeof(double);
  if (bytes.size() != nodes * size) {
    throw InputError(fmt::format(
        "worker {} sent {} bytes of statistics where {} were expected; all workers need the same "
        "job and the same build of convoy",
        worker, bytes.size(), nodes * size));
  }
  std::vector<std::vector<double>> partials(nodes, std::vector<double>(width));
  for (std::size_t node = 0; node < nodes && size > 0; ++node)
    std::memcpy(partials[node].data(), bytes.data() + node * size, size);
  return partials;
}

}  // namespace

Range own_positions(std::int64_t rows, const Peers* peers) {
  if (!peers) return {0, rows};
  const Range own = segments_of(peers->rank(), peers->size());
  if (own.empty()) return {};
  return {even_part(rows, segment_count, own.begin).begin,
          even_part(rows, segment_count, own.end - 1).end};
}

std::vector<double> reduce_rows(std::int64_t rows, const RowSum& sum, Peers* peers) {
  if (!peers) return sum_node({0, segment_count}, rows, sum);
  const std::vector<std::string> messages = gather(peers, [&] {
    std::string bytes;
    for (const Range node : cover(segment_count, segments_of(peers->rank(), peers->size())))
      bytes += bytes_of(sum_node(node, rows, sum));
    return bytes;
  });
  std::vector<Range> nodes;
  std::vector<std::vector<double>> partials;
  for (std::size_t worker = 0; worker < messages.size(); ++worker) {
    const std::vector<Range> sent = cover(
        segment_count, segments_of(static_cast<int>(worker), static_cast<int>(messages.size())));
    nodes.insert(nodes.end(), sent.begin(), sent.end());
    for (auto& partial : partials_of(messages[worker], worker, sent.size(), sum.width))
      partials.push_back(std::move(partial));
  }
  for (const Addition& addition : additions(segment_count, nodes)) {
    sum.add(partials[static_cast<std::size_t>(addition.into)],
            partials[static_cast<std::size_t>(addition.from)]);
  }
  return std::move(partials[0]);
}

}  // namespace convoy
