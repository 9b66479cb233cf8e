#include "convoy/lanes/value_lanes.hpp"

#include <algorithm>
#include <numeric>
#include <span>

#include "convoy/lanes/order.hpp"
#include "convoy/lanes/random.hpp"

namespace convoy {
namespace {

using Numbers = std::vector<std::int64_t>;

// Streams of random numbers of a lane, and those that all lanes share.
enum Stream : std::uint64_t { deal = 0, lane_order = 1, block_order = 2, lane_turn = 3 };

std::uint64_t stream_seed(std::uint64_t seed, Stream stream, std::int64_t epoch, std::int64_t at) {
  return derive_seed(derive_seed(seed, RandomPurpose::partition, stream), RandomPurpose::partition,
                     static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(at));
}

// Fisher-Yates, as epoch_order does it. `first`: how many numbers of the stream are used up.
void shuffle(std::span<std::int64_t> items, std::uint64_t seed, std::uint64_t first = 0) {
  for (std::size_t i = items.size(); i > 1; --i) {
    const std::uint64_t random = derive_seed(seed, RandomPurpose::order, first + i);
    std::swap(items[i - 1],
              items[static_cast<std::size_t>((static_cast<unsigned __int128>(random) * i) >> 64)]);
  }
}

Numbers counting(std::int64_t count) {
  Numbers numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// A stable counting sort of samples by code.
Numbers by_value(const Numbers& samples, const std::vector<std::uint32_t>& codes) {
  const std::uint32_t most = codes.empty() ? 0 : *std::max_element(codes.begin(), codes.end());
  Numbers next(static_cast<std::size_t>(most) + 2, 0);
  for (const std::uint32_t code : codes) ++next[static_cast<std::size_t>(code) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  Numbers sorted(samples.size());
  for (const std::int64_t sample : samples) sorted[next[codes[sample]]++] = sample;
  return sorted;
}

// floor(step * count / steps), of any size.
std::int64_t share(std::int64_t count, std::int64_t step, std::int64_t steps) {
  return static_cast<std::int64_t>(static_cast<__int128>(step) * count / steps);
}

// Takes `count` of the items, evenly spaced, out and puts them last; all stay in order.
void move_to_end(std::span<std::int64_t> items, std::int64_t count) {
  const auto size = static_cast<std::int64_t>(items.size());
  Numbers taken;
  std::int64_t kept = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto next = static_cast<std::int64_t>(taken.size());
    if (next < count && i == share(size, 2 * next + 1, 2 * count))
      taken.push_back(items[i]);
    else
      items[kept++] = items[i];
  }
  std::copy(taken.begin(), taken.end(), items.begin() + kept);
}

}  // namespace

ValueLanes::ValueLanes(const SampleValues& values, const Options& options) : options_(options) {
  if (options_.assignment == ValueAssignment::hash)
    fill_by_hash(values);
  else if (options_.assignment == ValueAssignment::range)
    fill_by_range(values);
  else
    fill_evenly(values);
}

Range ValueLanes::place(std::int64_t step, std::int64_t lane) const {
  const std::int64_t count = lane_size(lane);
  return {begin_[lane] + share(count, step, options_.steps),
          begin_[lane] + share(count, step + 1, options_.steps)};
}

void ValueLanes::fill_by_hash(const SampleValues& values) {
  const auto lanes = static_cast<std::uint64_t>(options_.lanes);
  begin_.assign(lanes + 1, 0);
  const auto lane_of = [&](std::uint32_t code) { return values.hashes[code] % lanes; };
  for (const std::uint32_t code : values.codes) ++begin_[lane_of(code) + 1];
  std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
  Numbers next = begin_;
  members_.resize(values.codes.size());
  for (std::size_t sample = 0; sample < values.codes.size(); ++sample)
    members_[next[lane_of(values.codes[sample])]++] = static_cast<std::int64_t>(sample);
}

void ValueLanes::fill_by_range(const SampleValues& values) {
  const auto count = static_cast<std::int64_t>(values.codes.size());
  members_ = by_value(counting(count), values.codes);
  begin_.push_back(0);
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) {
    const Range part = even_part(count, options_.lanes, lane);
    std::sort(members_.begin() + part.begin, members_.begin() + part.end);
    begin_.push_back(part.end);
  }
}

// In the order of values, equal ones by chance, dealt round: a lane has of each value as many as
// any other, or one more.
void ValueLanes::fill_evenly(const SampleValues& values) {
  const auto count = static_cast<std::int64_t>(values.codes.size());
  Numbers samples = counting(count);
  if (options_.shuffled) shuffle(samples, stream_seed(options_.seed, deal, 0, 0));
  const Numbers sorted = by_value(samples, values.codes);
  begin_.push_back(0);
  members_.reserve(sorted.size());
  new_value_.reserve(sorted.size());
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) {
    for (std::int64_t i = lane; i < count; i += options_.lanes) {
      const std::int64_t sample = sorted[i];
      new_value_.push_back(i == lane || values.codes[sample] != values.codes[members_.back()]);
      members_.push_back(sample);
    }
    begin_.push_back(static_cast<std::int64_t>(members_.size()));
  }
}

std::vector<std::int64_t> ValueLanes::order(std::int64_t epoch) const {
  Numbers order = members_;
  if (options_.assignment == ValueAssignment::stratified) {
    if (options_.shuffled) shuffle_equals(order, epoch);
    return dealt_to_steps(order, epoch);
  }
  if (!options_.shuffled) return order;
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) {
    shuffle(std::span(order).subspan(begin_[lane], lane_size(lane)),
            stream_seed(options_.seed, lane_order, epoch, lane));
  }
  return order;
}

void ValueLanes::shuffle_equals(std::vector<std::int64_t>& order, std::int64_t epoch) const {
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) {
    const std::uint64_t seed = stream_seed(options_.seed, lane_order, epoch, lane);
    for (std::int64_t begin = begin_[lane]; begin < begin_[lane + 1];) {
      std::int64_t end = begin + 1;
      while (end < begin_[lane + 1] && !new_value_[end]) ++end;
      shuffle(std::span(order).subspan(begin, end - begin), seed,
              static_cast<std::uint64_t>(begin - begin_[lane]));
      begin = end;
    }
  }
}

// With n samples a lane has n / steps blocks, and a last, shorter one for the steps that take one
// more, whose samples are taken out evenly.
std::vector<std::int64_t> ValueLanes::dealt_to_steps(std::vector<std::int64_t> sorted,
                                                     std::int64_t epoch) const {
  std::int64_t most = 0;
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) {
    most = std::max(most, lane_size(lane));
    move_to_end(std::span(sorted).subspan(begin_[lane], lane_size(lane)),
                lane_size(lane) % options_.steps);
  }
  Numbers order(sorted.size());
  const Numbers all_steps = counting(options_.steps);
  for (std::int64_t block = 0; block * options_.steps < most; ++block) {
    Mix mix;
    for (std::int64_t lane = 0; lane < options_.lanes; ++lane) {
      const std::int64_t first = begin_[lane] + block * options_.steps;
      const std::int64_t size = std::min(options_.steps, begin_[lane + 1] - first);
      if (size <= 0) continue;
      if (static_cast<std::int64_t>(mix.slots.size()) != size) mix = mix_of(block, size, epoch);
      const Numbers takers = size < options_.steps ? longer_steps(lane) : Numbers();
      const Numbers& step_at = size < options_.steps ? takers : all_steps;
      const std::int64_t turn = share(size, mix.turns[lane], options_.lanes);
      for (std::int64_t i = 0; i < size; ++i) {
        const std::int64_t step = step_at[mix.slots[(i + turn) % size]];
        order[place(step, lane).begin + block] = sorted[first + i];
      }
    }
  }
  return order;
}

ValueLanes::Mix ValueLanes::mix_of(std::int64_t block, std::int64_t size,
                                   std::int64_t epoch) const {
  Mix mix{counting(size), counting(options_.lanes)};
  if (!options_.shuffled) return mix;
  shuffle(mix.slots, stream_seed(options_.seed, block_order, epoch, block));
  shuffle(mix.turns, stream_seed(options_.seed, lane_turn, epoch, block));
  return mix;
}

std::vector<std::int64_t> ValueLanes::longer_steps(std::int64_t lane) const {
  Numbers steps;
  for (std::int64_t step = 0; step < options_.steps; ++step)
    if (place(step, lane).size() > lane_size(lane) / options_.steps) steps.push_back(step);
  return steps;
}

}  // namespace convoy
