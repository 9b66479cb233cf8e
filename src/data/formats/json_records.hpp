#pragma once
// Records of JSON, one at a time: a flat object a line (https://jsonlines.org), or an element of a
// list.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// A member of an object. Numbers are spelled as in the file (whole ones without a superfluous
/// sign), booleans "true" and "false".
struct JsonField {
  std::string key;
  std::string text;
  bool is_text = false;  ///< a string or a boolean
  bool missing = false;  ///< null
};

/// How records follow each other.
enum class JsonLayout {
  lines,  ///< one a line
  list    ///< the text is one list, of which each element is a record
};

/// Splits text into records and these into fields. Blank lines count for nothing, a byte order mark
/// is skipped. Objects and lists inside objects, the same key twice, an empty key, NUL characters,
/// records of more than 16 MiB and whatever else is not one JSON object are refused.
class JsonRecords {
 public:
  /// `text` must outlive this. Throws DataError for UTF-16.
  JsonRecords(std::string_view text, std::string name, JsonLayout layout = JsonLayout::lines);

  /// Reads the next record. False at the end of the text. Throws DataError when it is not such an
  /// object; the next call goes on with the one after it.
  bool next();

  /// Of the record last read; valid until the next call.
  std::span<const JsonField> fields() const { return std::span(fields_).first(used_); }

  /// The number of the line or element last read, from 1.
  std::int64_t line() const { return line_; }

  /// Where that is, for messages: "x.jsonl:7", "x.json, element 7".
  std::string place() const;

 private:
  std::string_view next_line();
  /// Nothing at the end of the list.
  std::optional<std::string_view> next_element();
  void skip_blanks();
  void parse(std::string_view record);
  void require_distinct_keys();

  std::string_view text_;
  std::string name_;
  JsonLayout layout_;
  std::size_t at_ = 0;
  std::int64_t line_ = 0;
  std::vector<JsonField> fields_;  // kept, so that their strings need no new memory for each line
  std::size_t used_ = 0;
  std::vector<std::string_view> keys_;
};

}  // namespace convoy
