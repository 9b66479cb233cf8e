#pragma once
// CSV records (RFC 4180), one at a time and without copying the text.
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/formats/csv_options.hpp"

namespace convoy {

/// Splits text into records. Lines end with LF, CRLF or CR; a field in double quotes may hold the
/// delimiter, line ends and "" for a quote. Blanks around a field without quotes are not part of
/// it. A byte order mark is skipped. Throws DataError for a quoted field without an end, text after
/// the closing quote, NUL bytes and UTF-16.
class CsvLexer {
 public:
  /// `text` must outlive the lexer. `tolerant`: NUL bytes are left to the caller.
  CsvLexer(std::string_view text, std::string name, char delimiter, bool tolerant = false);

  /// Reads the next record into `fields`, which stay valid until the next call. False at the end of
  /// the text.
  bool next(std::vector<std::string_view>& fields);

  /// After `next` threw: goes on at the line after the one on which that record began.
  void skip_line();

  /// The line on which the record last read begins, from 1.
  std::int64_t line() const { return record_line_; }
  /// Whether the record last read was a line with nothing on it.
  bool blank() const { return blank_; }

 private:
  std::string_view plain_field();
  std::string_view quoted_field();
  /// Steps over one line end at `at_`.
  void end_line();

  std::string_view text_;
  std::string name_;
  char delimiter_;
  std::size_t at_ = 0;
  std::size_t record_at_ = 0;
  std::int64_t line_ = 1;
  std::int64_t record_line_ = 0;
  bool blank_ = false;
  std::deque<std::string>
      unescaped_;  // the text of quoted fields that contain ""; a deque keeps views valid
  std::size_t unescaped_used_ = 0;
};

/// The delimiter the options mean. Throws InputError when it is not one usable character.
char csv_delimiter(const CsvOptions& options);

/// All columns a CSV text has, ignored ones included: from its header line, from options.columns,
/// or "column_1" to "column_N". Leaves `lexer` at the first record after the header. Throws
/// DataError. `tolerant`: N is what most of the first records have, not what the first one has.
std::vector<std::string> read_csv_header(CsvLexer& lexer, const std::string& name,
                                         const CsvOptions& options, bool tolerant = false);

/// The same without a lexer at hand.
std::vector<std::string> csv_column_names(std::string_view text, const std::string& name,
                                          const CsvOptions& options, bool tolerant = false);

/// How many fields the first record after the header has (`tolerant`: most of the first records
/// have); 0 when there is none.
std::size_t csv_width(std::string_view text, const std::string& name, const CsvOptions& options,
                      bool tolerant = false);

/// A value for a message: in quotes, cut short, control characters replaced.
std::string in_quotes(std::string_view text);

/// Whether the bytes are UTF-8 (RFC 3629). Names go into JSON, which allows nothing else.
bool is_utf8(std::string_view text);

/// "a, b, c and 12 more" for messages.
std::string name_list(const std::vector<std::string>& names);

}  // namespace convoy
