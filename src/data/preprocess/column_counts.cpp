#include "convoy/data/preprocess/column_counts.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "convoy/data/peers/segments.hpp"
#include "data/peers/agree.hpp"
#include "data/peers/message.hpp"

namespace convoy {
namespace {

/// Makes one entry of neighbours with the same number.
void unite_equal(std::vector<NumberCount>& sorted) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (kept > 0 && sorted[kept - 1].number == sorted[i].number)
      sorted[kept - 1].times += sorted[i].times;
    else
      sorted[kept++] = sorted[i];
  }
  sorted.resize(kept);
}

bool is_smaller(const NumberCount& a, const NumberCount& b) {
  return a.number < b.number;
}

/// Counts the values of some columns, a part of the rows after the other.
class ValueCounter {
 public:
  explicit ValueCounter(std::size_t columns, double error = 0)
      : numbers_(columns, error), texts_(columns) {}

  void add(std::size_t index, const Column& column, Range rows) {
    const auto begin = static_cast<std::size_t>(rows.begin);
    const auto end = static_cast<std::size_t>(rows.end);
    if (!column.categorical) {
      numbers_.add(index, std::span(column.numbers).subspan(begin, end - begin));
      return;
    }
    std::vector<std::int64_t> times(column.categories.size());
    for (std::size_t row = begin; row < end; ++row) {
      if (column.codes[row] >= 0) ++times[static_cast<std::size_t>(column.codes[row])];
    }
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] > 0) texts_[index][column.categories[i]] += times[i];
    }
  }

  ColumnCounts take(std::size_t index) { return {numbers_.take(index), std::move(texts_[index])}; }

 private:
  NumberCounter numbers_;
  std::vector<std::map<std::string, std::int64_t>> texts_;
};

void write(const std::vector<NumberCount>& numbers, MessageWriter& writer) {
  writer.count(numbers.size());
  for (const auto& [number, times] : numbers) {
    writer.number(number);
    writer.count(static_cast<std::size_t>(times));
  }
}

void write(const ColumnCounts& counts, MessageWriter& writer) {
  write(counts.numbers, writer);
  writer.count(counts.texts.size());
  for (const auto& [text, times] : counts.texts) {
    writer.text(text);
    writer.count(static_cast<std::size_t>(times));
  }
}

/// Adds what another worker counted.
void read_into(std::vector<NumberCount>& numbers, MessageReader& reader) {
  const auto middle = static_cast<std::ptrdiff_t>(numbers.size());
  for (std::size_t left = reader.count(sizeof(NumberCount)); left > 0; --left) {
    const double number = reader.number();
    numbers.push_back({number, static_cast<std::int64_t>(reader.count(0))});
  }
  std::inplace_merge(numbers.begin(), numbers.begin() + middle, numbers.end(), is_smaller);
  unite_equal(numbers);
}

void read_into(ColumnCounts& counts, MessageReader& reader) {
  read_into(counts.numbers, reader);
  for (std::size_t left = reader.count(2 * sizeof(std::uint64_t)); left > 0; --left) {
    const std::string text = reader.text();
    counts.texts[text] += static_cast<std::int64_t>(reader.count(0));
  }
}

}  // namespace

NumberCounter::NumberCounter(std::size_t groups, double error) : dropped_bits_(0), groups_(groups) {
  if (!(error > 0)) return;
  // Rounded to b bits after the first, a number moves by at most 2^-(b + 1) of itself.
  int bits = 0;
  while (bits < 52 && std::ldexp(1.0, -(bits + 1)) > error) ++bits;
  dropped_bits_ = 52 - bits;
}

double NumberCounter::on_grid(double x) const {
  if (x == 0) return 0;  // also of -0, so that it does not matter which of the two a sort has first
  if (dropped_bits_ == 0) return x;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t half = std::uint64_t{1} << (dropped_bits_ - 1);
  const std::uint64_t mask = ~((half << 1) - 1);
  const auto rounded = std::bit_cast<double>((bits + half) & mask);
  return std::isfinite(rounded) ? rounded : std::bit_cast<double>(bits & mask);
}

void NumberCounter::add(std::size_t group, std::span<const double> numbers) {
  constexpr std::size_t few = 1024;
  Group& into = groups_[group];
  for (const double x : numbers) {
    if (std::isnan(x)) continue;
    if (into.counts.size() >= std::max(few, 2 * into.united)) unite(into);
    into.counts.push_back({on_grid(x), 1});
  }
}

void NumberCounter::unite(Group& group) {
  const auto middle = group.counts.begin() + static_cast<std::ptrdiff_t>(group.united);
  std::sort(middle, group.counts.end(), is_smaller);
  std::inplace_merge(group.counts.begin(), middle, group.counts.end(), is_smaller);
  unite_equal(group.counts);
  group.united = group.counts.size();
}

std::vector<NumberCount> NumberCounter::take(std::size_t group) {
  unite(groups_[group]);
  return std::exchange(groups_[group], {}).counts;
}

std::vector<std::vector<NumberCount>> count_numbers(
    std::int64_t rows, std::size_t groups,
    const std::function<void(Range positions, NumberCounter& counter)>& feed, Peers* peers,
    double error) {
  const std::vector<std::string> messages = gather(peers, [&] {
    NumberCounter counter(groups, error);
    feed(own_positions(rows, peers), counter);
    MessageWriter writer;
    for (std::size_t group = 0; group < groups; ++group) write(counter.take(group), writer);
    return writer.take();
  });
  std::vector<std::vector<NumberCount>> counts(groups);
  for (std::size_t worker = 0; worker < messages.size(); ++worker) {
    MessageReader reader(messages[worker], worker);
    for (std::vector<NumberCount>& group : counts) read_into(group, reader);
    reader.expect_end();
  }
  return counts;
}

ColumnCounts count_values(const Column& column) {
  ValueCounter counter(1);
  const std::size_t rows = column.categorical ? column.codes.size() : column.numbers.size();
  counter.add(0, column, {0, static_cast<std::int64_t>(rows)});
  return counter.take(0);
}

std::vector<ColumnCounts> count_values(const std::vector<std::string>& names, TrainingRows& rows,
                                       Peers* peers, double error) {
  const std::vector<std::string> messages = gather(peers, [&] {
    ValueCounter counter(names.size(), error);
    rows.read(own_positions(rows.size(), peers), [&](const Frame& frame, Range part) {
      for (std::size_t i = 0; i < names.size(); ++i)
        counter.add(i, *find_column(frame.features, names[i]), part);
    });
    MessageWriter writer;
    for (std::size_t i = 0; i < names.size(); ++i) write(counter.take(i), writer);
    return writer.take();
  });
  std::vector<ColumnCounts> counts(names.size());
  for (std::size_t worker = 0; worker < messages.size(); ++worker) {
    MessageReader reader(messages[worker], worker);
    for (ColumnCounts& column : counts) read_into(column, reader);
    reader.expect_end();
  }
  return counts;
}

double median(const std::vector<NumberCount>& numbers) {
  std::int64_t total = 0;
  for (const NumberCount& entry : numbers) total += entry.times;
  const auto at = [&](std::int64_t position) {
    std::size_t i = 0;
    while (position >= numbers[i].times) position -= numbers[i++].times;
    return numbers[i].number;
  };
  return total % 2 ? at(total / 2) : at(total / 2 - 1) / 2 + at(total / 2) / 2;
}

double most_frequent(const std::vector<NumberCount>& numbers) {
  return std::max_element(numbers.begin(), numbers.end(),
                          [](const auto& a, const auto& b) { return a.times < b.times; })
      ->number;
}

std::string most_frequent(const std::map<std::string, std::int64_t>& texts) {
  return std::max_element(texts.begin(), texts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace convoy
