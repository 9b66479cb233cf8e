#include "data/inspect/partition_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

constexpr double clear_difference = 0.1;   // of two distances of labels
constexpr double small_difference = 0.02;  // that matters where workers only see their own lanes
constexpr double clear_padding = 0.05;     // of all positions
constexpr double uneven_sizes = 1.5;       // largest by mean

std::string group_text(const PartitionFacts& facts, std::int64_t count) {
  const char* const name = facts.several_workers ? "worker" : "lane";
  return fmt::format("{} {}{}", count, name, count == 1 ? "" : "s");
}

bool is_sorted_file(const PartitionFacts& facts) {
  return facts.batch_in_sequence >= 2 * facts.batch_shuffled &&
         facts.batch_in_sequence >= facts.batch_shuffled + clear_difference;
}

bool groups_samples(const PartitionFacts& facts) {
  const auto groups = static_cast<std::int64_t>(facts.of("hash").groups.sizes.size());
  return !facts.value_is_target && facts.samples_a_value >= 2 && facts.values >= 2 * groups;
}

/// The label with the fewest samples.
std::size_t rarest(const SampleLabels& labels) {
  const auto found = std::min_element(labels.counts.begin(), labels.counts.end());
  return static_cast<std::size_t>(found - labels.counts.begin());
}

bool has_rare_class(const PartitionFacts& facts) {
  return !facts.labels.parts && facts.labels.counts.size() > 1 &&
         facts.labels.counts[rarest(facts.labels)] < facts.steps;
}

bool pads_much(const PartitionFacts& facts) {
  return facts.padding_by_row >= facts.padding_by_size + clear_padding;
}

bool drifts_apart(const PartitionFacts& facts) {
  return facts.own_steps && facts.of("block").groups.skew_mean >
                                facts.of("stratified").groups.skew_mean + small_difference;
}

bool slices_differ(const PartitionFacts& facts) {
  const double block = facts.of("block").groups.skew_mean;
  return facts.sequential && block > clear_difference &&
         facts.of("cyclic").groups.skew_mean < block / 2;
}

/// How many lanes or workers have no sample of a label.
std::int64_t groups_without(const Contestant& contestant, std::size_t label) {
  return std::count_if(contestant.groups.groups.begin(), contestant.groups.groups.end(),
                       [&](const LabelCounts& counts) { return counts[label] == 0; });
}

std::string sorted_reason(const PartitionFacts& facts) {
  return fmt::format(
      "The file is in order of its labels: read in sequence a batch differs from the whole by "
      "{:.2f} on average, shuffled by {:.2f}. Set partition.order to shuffled, or deal by value, "
      "stratified, which mixes labels in any order.",
      facts.batch_in_sequence, facts.batch_shuffled);
}

std::string grouped_reason(const PartitionFacts& facts) {
  return fmt::format(
      "Column {} has {} values with {} samples each (the median): hash keeps all samples of a "
      "value in one lane, for statistics and steps that are local to a value. The largest of the "
      "{} has {:.2f} times the mean.",
      in_quotes(facts.value), facts.values, facts.samples_a_value,
      facts.several_workers ? "workers" : "lanes", facts.of("hash").groups.largest_of_mean);
}

std::string rare_reason(const PartitionFacts& facts) {
  const std::size_t label = rarest(facts.labels);
  const std::int64_t count = facts.labels.counts[label];
  return fmt::format(
      "Label {} has {} sample{}, fewer than the {} steps of an epoch: by row {} without it, "
      "stratified {}. Stratified gives every lane and batch its share of each label.",
      in_quotes(facts.labels.names[label]), count, count == 1 ? "" : "s", facts.steps,
      group_text(facts, groups_without(facts.of("block"), label)) +
          (groups_without(facts.of("block"), label) == 1 ? " is" : " are"),
      group_text(facts, groups_without(facts.of("stratified"), label)));
}

std::string drift_reason(const PartitionFacts& facts) {
  return fmt::format(
      "With strategy.kind {} workers take steps of their own on their lanes: by row their labels "
      "differ from the whole by {:.3f} on average, stratified by {:.3f}.",
      facts.strategy, facts.of("block").groups.skew_mean, facts.of("stratified").groups.skew_mean);
}

std::string slices_reason(const PartitionFacts& facts) {
  return fmt::format(
      "In the order of the file slices of a batch differ: with block the labels of {} differ from "
      "the whole by {:.2f} on average, with cyclic by {:.2f}.",
      facts.several_workers ? "workers" : "lanes", facts.of("block").groups.skew_mean,
      facts.of("cyclic").groups.skew_mean);
}

std::string padding_reason(const PartitionFacts& facts) {
  return fmt::format(
      "By row {:.0f} % of what a step computes is padding of short samples to their lane's "
      "longest, "
      "by size {:.0f} %.",
      100 * facts.padding_by_row, 100 * facts.padding_by_size);
}

std::string plain_reason(const PartitionFacts& facts) {
  const Contestant& block = facts.of("block");
  const Contestant& stratified = facts.of("stratified");
  return fmt::format(
      "By row a {} differs from the whole as chance has it: its labels by {:.3f} on average, a "
      "batch's by {:.2f} (stratified: {:.3f} and {:.2f}), and batches have exactly the size that "
      "the job says. Nothing in the data asks for more.",
      facts.several_workers ? "worker" : "lane", block.groups.skew_mean, block.batch_mean,
      stratified.groups.skew_mean, stratified.batch_mean);
}

/// What to know whichever is chosen.
void add_warnings(const PartitionFacts& facts, std::vector<std::string>& reasons) {
  if (is_sorted_file(facts) && !facts.sequential) {
    reasons.push_back(fmt::format(
        "Keep partition.order shuffled: the file is in order of its labels, and in sequence a "
        "batch would differ from the whole by {:.2f} on average.",
        facts.batch_in_sequence));
  }
  const Contestant& hash = facts.of("hash");
  if (facts.value_is_target) {
    reasons.push_back(fmt::format(
        "Hash and range of the target skew labels on purpose (by {:.2f} and {:.2f} on average), to "
        "try how a strategy bears data that is not alike everywhere.",
        hash.groups.skew_mean, facts.of("range").groups.skew_mean));
  }
  if (hash.groups.empty > 0) {
    reasons.push_back(fmt::format("Hash would leave {} without samples: {} different value{}.",
                                  group_text(facts, hash.groups.empty), facts.values,
                                  facts.values == 1 ? "" : "s"));
  }
  if (groups_samples(facts) && hash.groups.largest_of_mean > uneven_sizes) {
    reasons.push_back(
        fmt::format("With hash lanes are uneven, {:.2f} of the mean at most, so batches weigh them "
                    "unevenly and "
                    "the largest is waited for; fewer lanes, or lane balancing, make it less.",
                    hash.groups.largest_of_mean));
  }
}

}  // namespace

const Contestant& PartitionFacts::of(const std::string& assign) const {
  const auto found = std::find_if(contestants.begin(), contestants.end(),
                                  [&](const Contestant& c) { return c.assign == assign; });
  if (found == contestants.end()) throw std::invalid_argument("no contestant " + assign);
  return *found;
}

PartitionAdvice advise_partition(const PartitionFacts& facts) {
  PartitionAdvice advice{"value", "stratified", {}};
  if (pads_much(facts)) {
    advice = {"size", "block", {padding_reason(facts)}};
  } else if (facts.sequential && is_sorted_file(facts)) {
    advice.reasons.push_back(sorted_reason(facts));
  } else if (groups_samples(facts)) {
    advice.assign = "hash";
    advice.reasons.push_back(grouped_reason(facts));
  } else if (has_rare_class(facts)) {
    advice.reasons.push_back(rare_reason(facts));
  } else if (drifts_apart(facts)) {
    advice.reasons.push_back(drift_reason(facts));
  } else if (slices_differ(facts)) {
    advice = {"row", "cyclic", {slices_reason(facts)}};
  } else {
    advice = {"row", "block", {plain_reason(facts)}};
  }
  add_warnings(facts, advice.reasons);
  return advice;
}

}  // namespace convoy
