#include "data/formats/columnar_pieces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <iterator>
#include <limits>
#include <memory>
#include <new>

#include "convoy/core/error.hpp"
#include "core/machine.hpp"
#include "core/tasks.hpp"
#include "data/formats/columnar_module.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {

MissingValues::MissingValues(const std::vector<std::string>& spellings) : spellings_(spellings) {
  for (const std::string& spelling : spellings) {
    const ParsedField parsed = parse_number(spelling);
    if (parsed.kind == FieldKind::text) continue;
    nan_ = nan_ || std::isnan(parsed.value);
    if (std::isnan(parsed.value)) continue;
    numbers_.push_back(parsed.value);
    const auto single = static_cast<double>(static_cast<float>(parsed.value));
    if (single != parsed.value) numbers_.push_back(single);
  }
}

bool MissingValues::contains(double number) const {
  if (std::isnan(number)) return nan_;
  return std::find(numbers_.begin(), numbers_.end(), number) != numbers_.end();
}

namespace {

constexpr std::int64_t rows_of_step = 1 << 16;

/// Whether all are finite; null is NaN and is not.
bool all_finite(std::span<const double> numbers) {
  unsigned odd = 0;  // without branches, so that it is vectorised
  for (const double x : numbers) odd |= std::abs(x) <= std::numeric_limits<double>::max() ? 0U : 1U;
  return odd == 0;
}

void clean_numbers(ColumnPiece& piece, const MissingValues& missing, bool all_flaws) {
  std::vector<double>& numbers = piece.values.numbers;
  if (!missing.has_numbers() && all_finite(numbers)) return;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    double& x = numbers[i];
    if (std::isnan(x) && !std::signbit(x)) continue;  // null
    if (missing.contains(x)) {
      x = std::numeric_limits<double>::quiet_NaN();
    } else if (!std::isfinite(x) && (all_flaws || piece.flaws.empty())) {
      const char* const spelling = std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf";
      piece.flaws.push_back({static_cast<std::int64_t>(i),
                             fmt::format("{} is not a finite number", in_quotes(spelling))});
    }
  }
}

void clean_codes(ColumnPiece& piece, bool all_flaws) {
  const std::vector<std::string>& categories = piece.values.categories;
  std::vector<const char*> problems(categories.size(), nullptr);
  bool any = false;
  for (std::size_t i = 0; i < categories.size(); ++i) {
    if (!is_utf8(categories[i]))
      problems[i] = "text is not UTF-8";
    else if (categories[i].find('\0') != std::string::npos)
      problems[i] = "text holds a NUL byte";
    any = any || problems[i] != nullptr;
  }
  if (!any) return;
  for (std::size_t i = 0; i < piece.values.codes.size(); ++i) {
    const std::int32_t code = piece.values.codes[i];
    if (code < 0 || !problems[static_cast<std::size_t>(code)]) continue;
    piece.flaws.push_back({static_cast<std::int64_t>(i), problems[static_cast<std::size_t>(code)]});
    if (!all_flaws) return;
  }
}

/// Columns of a piece that one task reads: those of a column of the file stay together.
struct Share {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<Share> share_columns(const PieceOptions& options, std::size_t parts) {
  const std::span<const columnar::Wanted> wanted = options.wanted;
  const std::size_t size = std::max<std::size_t>(1, (wanted.size() + parts - 1) / parts);
  const auto group = [&](std::size_t i) {
    return options.file.fields()[static_cast<std::size_t>(wanted[i].field)].group;
  };
  std::vector<Share> shares;
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= wanted.size(); ++i) {
    const bool full = i - begin >= size;
    if (i < wanted.size() && (!full || group(i) == group(i - 1))) continue;
    shares.push_back({begin, i});
    begin = i;
  }
  if (shares.empty()) shares.push_back({});
  return shares;
}

/// What a task reads, and what came of it.
struct Job {
  int unit = 0;
  Share share;
  std::unique_ptr<columnar::Cursor> cursor;
  std::int64_t rows = 0;
  std::int64_t bad_row = -1;  // in the unit
  std::string problem;        // why it could not be read
  std::vector<ColumnPiece> columns;
};

class PieceReading {
 public:
  PieceReading(const PieceOptions& options, const std::function<void(std::span<Piece>)>& take)
      : options_(options), take_(take) {}

  void run() {
    const int units = options_.file.units();
    for (int unit = 0; unit < units;) {
      if (bytes_of(unit) > options_.memory) {
        read_in_steps(unit++);
        continue;
      }
      int end = unit;
      std::size_t bytes = 0;
      while (end < units && bytes_of(end) <= options_.memory - bytes) bytes += bytes_of(end++);
      read_whole(unit, end);
      unit = end;
    }
  }

 private:
  std::size_t bytes_of(int unit) const {
    constexpr auto too_many = std::numeric_limits<std::int64_t>::max() / 16;
    const std::int64_t rows = options_.file.rows_of(unit);
    const auto columns =
        static_cast<std::int64_t>(std::max<std::size_t>(1, options_.wanted.size()));
    if (rows < 0 || rows > too_many / columns) return std::numeric_limits<std::size_t>::max();
    return static_cast<std::size_t>(rows * columns) * sizeof(double);
  }

  std::vector<Job> jobs_of(int begin, int end) const {
    const auto units = static_cast<std::size_t>(end - begin);
    const auto cores = static_cast<std::size_t>(usable_cores());
    const std::vector<Share> shares = share_columns(options_, (cores + units - 1) / units);
    std::vector<Job> jobs;
    for (int unit = begin; unit < end; ++unit) {
      for (const Share& share : shares) {
        jobs.emplace_back();
        jobs.back().unit = unit;
        jobs.back().share = share;
      }
    }
    return jobs;
  }

  /// Decodes so many rows; errors are kept, as which of several is told must not depend on time.
  void decode(Job& job, std::int64_t rows) const {
    try {
      const Share share = job.share;
      if (!job.cursor) {
        job.cursor = options_.file.open(
            job.unit, options_.wanted.subspan(share.begin, share.end - share.begin));
      }
      std::vector<columnar::Values> values(share.end - share.begin);
      job.rows = job.cursor->read(rows, values);
      job.columns.clear();
      for (columnar::Values& own : values) {
        ColumnPiece& column = job.columns.emplace_back();
        column.values = std::move(own);
        clean_numbers(column, options_.missing, options_.all_flaws);
        clean_codes(column, options_.all_flaws);
      }
    } catch (const columnar::RowError& error) {
      const auto wanted = options_.wanted[job.share.begin + error.column()];
      const columnar::Field& field = options_.file.fields()[static_cast<std::size_t>(wanted.field)];
      job.bad_row = error.row();
      job.problem = fmt::format("column {}: {}", in_quotes(field.whole), error.what());
    } catch (const std::bad_alloc&) {
      job.problem = "needs more memory than there is";
    } catch (const std::exception& error) {
      job.problem = fmt::format("cannot be read: {}", one_line(error.what()));
    }
  }

  /// Puts jobs of a unit together. `first`: the number of the unit's first row.
  Piece join(std::span<Job> jobs, std::int64_t first) const {
    Piece piece;
    piece.rows = jobs[0].rows;
    for (Job& job : jobs) {
      if (job.bad_row >= 0) {
        throw DataError(fmt::format("{}:{}", options_.name, first + job.bad_row + 1), job.problem);
      }
      if (!job.problem.empty()) throw DataError(options_.name, job.problem);
      if (job.rows != piece.rows)
        throw DataError(options_.name, "is damaged: its columns are not of one length");
      std::move(job.columns.begin(), job.columns.end(), std::back_inserter(piece.columns));
    }
    return piece;
  }

  void read_whole(int begin, int end) {
    std::vector<Job> jobs = jobs_of(begin, end);
    run_tasks(jobs.size(), [&](std::size_t i) {
      decode(jobs[i], std::numeric_limits<std::int64_t>::max());
      jobs[i].cursor.reset();
    });
    const std::size_t shares = jobs.size() / static_cast<std::size_t>(end - begin);
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < jobs.size(); i += shares) {
      pieces.push_back(join(std::span(jobs).subspan(i, shares), rows_));
      rows_ += pieces.back().rows;
    }
    take_(pieces);
  }

  void read_in_steps(int unit) {
    std::vector<Job> jobs = jobs_of(unit, unit + 1);
    const std::int64_t first = rows_;
    while (true) {
      run_tasks(jobs.size(), [&](std::size_t i) { decode(jobs[i], rows_of_step); });
      Piece piece = join(jobs, first);
      if (piece.rows == 0) return;
      rows_ += piece.rows;
      take_({&piece, 1});
    }
  }

  const PieceOptions& options_;
  const std::function<void(std::span<Piece>)>& take_;
  std::int64_t rows_ = 0;  // read so far
};

}  // namespace

void read_pieces(const PieceOptions& options,
                 const std::function<void(std::span<Piece> pieces)>& take) {
  PieceReading(options, take).run();
}

}  // namespace convoy
