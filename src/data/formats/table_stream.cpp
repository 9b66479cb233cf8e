#include "data/formats/table_stream.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr std::int64_t rows_of_table_piece = 8192;

bool is_read_again(const ColumnBuilder& builder) {
  return builder.mode() == ColumnBuilder::Mode::again;
}

void add_range(const Column& column, NumberRange& range) {
  range.add(column.numbers);
  range.missing += std::count_if(column.codes.begin(), column.codes.end(),
                                 [](std::int32_t code) { return code < 0; });
}

}  // namespace

bool is_ignored_column(const CsvOptions& options, const std::string& name) {
  return std::find(options.ignore.begin(), options.ignore.end(), name) != options.ignore.end();
}

void NumberRange::add(std::span<const double> numbers) {
  for (const double x : numbers) {
    if (std::isnan(x)) {
      ++missing;
      continue;
    }
    low = count == 0 ? x : std::min(low, x);
    high = count == 0 ? x : std::max(high, x);
    ++count;
    whole = whole && x == std::floor(x);
    single = single && static_cast<double>(static_cast<float>(x)) == x;
    negative_zero = negative_zero || (x == 0 && std::signbit(x));
  }
}

void NumberRange::add(const NumberRange& other) {
  if (other.count > 0) {
    low = count == 0 ? other.low : std::min(low, other.low);
    high = count == 0 ? other.high : std::max(high, other.high);
  }
  count += other.count;
  missing += other.missing;
  whole = whole && other.whole;
  single = single && other.single;
  negative_zero = negative_zero || other.negative_zero;
}

NumberRange range_of(const Column& column) {
  NumberRange range;
  add_range(column, range);
  return range;
}

RowStream::RowStream(const std::vector<std::string>& names, const std::string& file,
                     const CsvOptions& options, const CsvTolerance* tolerance,
                     const RowPasses& passes)
    : names_(names),
      file_(file),
      options_(options),
      passes_(passes),
      missing_(options.missing),
      tolerant_(tolerance != nullptr) {
  ranges_.resize(names.size());
  std::vector<ColumnBuilder> builders =
      start_builders(names_, file_, options_, tolerance, missing_, passes_);
  read_pieces(builders, tolerant_ ? &head_.bad : nullptr, [&](Table piece) {
    head_.rows += piece.rows;
    for (std::size_t i = 0; i < builders.size(); ++i) add_range(piece.columns[i], ranges_[i]);
  });
  if (std::any_of(builders.begin(), builders.end(), is_read_again)) {
    for (std::size_t i = 0; i < builders.size(); ++i) {
      if (is_read_again(builders[i])) ranges_[i] = {};
      builders[i].rewind();
    }
    read_pieces(builders, nullptr, [&](Table piece) {
      for (std::size_t i = 0; i < builders.size(); ++i) add_range(piece.columns[i], ranges_[i]);
    });
  }
  std::vector<NumberRange> kept;
  for (std::size_t i = 0; i < builders.size(); ++i) {
    if (is_ignored_column(options_, names_[i])) continue;
    head_.columns.push_back(builders[i].finish());
    kept.push_back(ranges_[i]);
  }
  ranges_ = std::move(kept);
}

void RowStream::read_pieces(std::vector<ColumnBuilder>& builders, std::vector<BadRow>* bad,
                            const std::function<void(Table piece)>& take) const {
  std::vector<BadRow> own_bad;  // of the piece
  std::size_t known_bad = 0;
  std::int64_t rows = 0;
  const auto pass_on = [&] {
    Table piece;
    piece.rows = rows;
    for (ColumnBuilder& builder : builders) piece.columns.push_back(builder.take_values());
    piece.bad = std::exchange(own_bad, {});
    rows = 0;
    take(std::move(piece));
  };
  passes_.read(missing_, builders, bad, [&] {
    if (bad && bad->size() > known_bad) {
      own_bad.push_back({rows, bad->back().problem});
      known_bad = bad->size();
    }
    if (++rows == rows_of_table_piece) pass_on();
  });
  if (rows > 0) pass_on();
}

void RowStream::read(const std::function<void(Table piece)>& take) const {
  std::vector<ColumnBuilder> builders =
      start_builders(names_, file_, options_, nullptr, missing_, passes_);
  std::vector<bool> ignored;
  std::size_t column = 0;
  for (std::size_t i = 0; i < builders.size(); ++i) {
    ignored.push_back(is_ignored_column(options_, names_[i]));
    if (!ignored[i] && head_.columns[column++].categorical) builders[i].make_category();
  }
  std::vector<BadRow> bad;
  std::int64_t rows = 0;
  read_pieces(builders, tolerant_ ? &bad : nullptr, [&](Table piece) {
    rows += piece.rows;
    std::vector<Column> kept;
    for (std::size_t i = 0; i < piece.columns.size(); ++i) {
      if (!ignored[i]) kept.push_back(std::move(piece.columns[i]));
    }
    piece.columns = std::move(kept);
    take(std::move(piece));
  });
  if (rows != head_.rows) throw DataError(file_, "changed while it was read");
}

}  // namespace convoy
