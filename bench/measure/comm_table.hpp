#pragma once
// What `convoy bench comm` measured, for people to read.
#include "bench/measure/comm_result.hpp"

namespace convoy::bench {

using Row = std::vector<std::string>;

/// Columns that line up: the first to the left, the others to the right. The first row is the head.
std::string aligned(const std::vector<Row>& rows);
/// The same as a table of Markdown.
std::string markdown(const std::vector<Row>& rows);

/// "4 KiB", "1.5 MiB": of bytes.
std::string size_text(std::int64_t bytes);
/// "12.3 µs", with three digits.
std::string time_text(double seconds);

/// What a transport is meant to reach, for messages of `from` bytes and more: `limit` for the ratio
/// of two contestants' times.
struct Aim {
  const char* slower;  ///< the ratio's numerator
  const char* faster;
  bool at_least;  ///< else at most
  double limit;
  std::int64_t from = 0;
  bool two_only = false;  ///< with two workers alone: more of them may have to share cores
  bool met(double ratio) const { return at_least ? ratio >= limit : ratio <= limit; }
};
/// Each inner list is of alternatives: one of them met is enough.
const std::vector<std::vector<Aim>>& aims();

/// "2 workers, loopback".
std::string title(const CommResult& result);
/// A row a size: each contestant's median and spread.
std::vector<Row> time_table(const CommResult& result);
/// A row a size: the ratios that there are aims for; a `!` where they are missed.
std::vector<Row> ratio_table(const CommResult& result);

/// How it was measured: definitions, settings, versions and notes, one line each.
std::vector<std::string> explanation(const CommResult& result);

}  // namespace convoy::bench
