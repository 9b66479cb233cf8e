#include "data/inspect/partition_measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/partition/values.hpp"

namespace convoy {
namespace {

constexpr std::size_t parts_of_range = 10;

std::int64_t total_of(std::span<const std::int64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

std::vector<std::int64_t> count_codes(const std::vector<std::uint32_t>& codes, std::size_t values) {
  std::vector<std::int64_t> counts(values, 0);
  for (const std::uint32_t code : codes) ++counts[code];
  return counts;
}

/// Gives value v the label label_of[v].
void relabel(SampleLabels& labels, const std::vector<std::uint32_t>& label_of) {
  for (std::uint32_t& code : labels.codes) code = label_of[code];
  labels.counts = count_codes(labels.codes, labels.names.size());
}

/// A label for each value that some sample has.
void label_values(SampleLabels& labels, const std::vector<std::string>& values) {
  const std::vector<std::int64_t> counts = count_codes(labels.codes, values.size());
  std::vector<std::uint32_t> label_of(values.size(), 0);
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (counts[v] == 0) continue;
    label_of[v] = static_cast<std::uint32_t>(labels.names.size());
    labels.names.push_back(values[v]);
  }
  relabel(labels, label_of);
}

/// A label for each tenth of the samples in the order of their values; equal ones stay together.
void label_parts(SampleLabels& labels, const std::vector<std::string>& values) {
  const std::vector<std::int64_t> counts = count_codes(labels.codes, values.size());
  std::vector<std::uint32_t> label_of(values.size(), 0);
  const auto total = static_cast<std::int64_t>(labels.codes.size());
  std::int64_t before = 0;
  std::int64_t last_part = -1;
  std::string first;
  for (std::size_t v = 0; v < values.size(); ++v) {
    if (counts[v] == 0) continue;
    const std::int64_t part = before * static_cast<std::int64_t>(parts_of_range) / total;
    if (part != last_part) {
      labels.names.push_back(values[v]);
      first = values[v];
    } else {
      labels.names.back() = fmt::format("{} to {}", first, values[v]);
    }
    last_part = part;
    label_of[v] = static_cast<std::uint32_t>(labels.names.size() - 1);
    before += counts[v];
  }
  labels.parts = true;
  relabel(labels, label_of);
}

}  // namespace

SampleLabels sample_labels(const Column& target, bool regression) {
  SampleLabels labels;
  labels.codes = sample_values(target, 0, false).codes;
  const std::vector<std::string> values = value_names(target);
  if (regression && values.size() > parts_of_range + 1)
    label_parts(labels, values);
  else
    label_values(labels, values);
  return labels;
}

double label_distance(std::span<const std::int64_t> counts, std::span<const std::int64_t> whole) {
  const auto own = static_cast<double>(total_of(counts));
  const auto all = static_cast<double>(total_of(whole));
  if (own == 0 || all == 0) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    sum += std::abs(static_cast<double>(counts[i]) / own - static_cast<double>(whole[i]) / all);
  return sum / 2;
}

double label_entropy(std::span<const std::int64_t> counts) {
  const auto total = static_cast<double>(total_of(counts));
  double bits = 0;
  for (const std::int64_t count : counts) {
    if (count == 0) continue;
    const double part = static_cast<double>(count) / total;
    bits -= part * std::log2(part);
  }
  return bits;
}

PartitionMeasure measure_partition(const SampleSchedule& schedule, std::int64_t lanes,
                                   std::int64_t epoch, const SampleLabels& labels) {
  PartitionMeasure measure;
  measure.lanes.assign(static_cast<std::size_t>(lanes), LabelCounts(labels.names.size(), 0));
  const std::int64_t steps = schedule.steps_per_epoch();
  for (std::int64_t step = epoch * steps; step < (epoch + 1) * steps; ++step) {
    LabelCounts batch(labels.names.size(), 0);
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      for (const std::int64_t sample : schedule.lane_samples(step, lane)) {
        const std::uint32_t label = labels.codes[static_cast<std::size_t>(sample)];
        ++measure.lanes[static_cast<std::size_t>(lane)][label];
        ++batch[label];
      }
    }
    const double distance = label_distance(batch, labels.counts);
    const std::int64_t size = total_of(batch);
    measure.batch_mean += distance / static_cast<double>(steps);
    measure.batch_most = std::max(measure.batch_most, distance);
    measure.largest_batch = std::max(measure.largest_batch, size);
    const bool first = step == epoch * steps;
    measure.smallest_batch = first ? size : std::min(measure.smallest_batch, size);
  }
  return measure;
}

double padding_part(const SampleSchedule& schedule, std::int64_t lanes, std::int64_t epoch,
                    const std::vector<std::int64_t>& sizes) {
  std::int64_t used = 0;
  std::int64_t all = 0;
  for (std::int64_t s = 0; s < schedule.steps_per_epoch(); ++s) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      std::int64_t longest = 0;
      const auto samples = schedule.lane_samples(epoch * schedule.steps_per_epoch() + s, lane);
      for (const std::int64_t sample : samples) {
        const std::int64_t size = sizes[static_cast<std::size_t>(sample)];
        used += size;
        longest = std::max(longest, size);
      }
      all += longest * static_cast<std::int64_t>(samples.size());
    }
  }
  return all == 0 ? 0 : 1 - static_cast<double>(used) / static_cast<double>(all);
}

GroupMeasure measure_groups(const PartitionMeasure& measure, int owners,
                            const SampleLabels& labels) {
  GroupMeasure result;
  const auto lanes = static_cast<std::int64_t>(measure.lanes.size());
  for (const Range& owned : even_ownership(lanes, owners > 0 ? owners : lanes)) {
    LabelCounts counts(labels.names.size(), 0);
    for (std::int64_t lane = owned.begin; lane < owned.end; ++lane) {
      const LabelCounts& own = measure.lanes[static_cast<std::size_t>(lane)];
      std::transform(own.begin(), own.end(), counts.begin(), counts.begin(), std::plus<>());
    }
    result.sizes.push_back(total_of(counts));
    result.groups.push_back(std::move(counts));
  }
  const auto total = static_cast<double>(total_of(result.sizes));
  for (std::size_t g = 0; g < result.groups.size(); ++g) {
    const auto size = static_cast<double>(result.sizes[g]);
    const double skew = label_distance(result.groups[g], labels.counts);
    result.skew_mean += total == 0 ? 0 : skew * size / total;
    result.skew_most = std::max(result.skew_most, skew);
    result.empty += result.sizes[g] == 0;
  }
  const auto largest = *std::max_element(result.sizes.begin(), result.sizes.end());
  if (total > 0)
    result.largest_of_mean =
        static_cast<double>(largest) * static_cast<double>(result.sizes.size()) / total;
  return result;
}

}  // namespace convoy
