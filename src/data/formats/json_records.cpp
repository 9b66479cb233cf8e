#include "data/formats/json_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

constexpr std::size_t longest_json_record = std::size_t{16} << 20;
constexpr const char* json_blanks = " \t\r\n";

/// Receives the parts of one record. Each function returns false, with a `problem`, to stop.
class FlatObject final : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// `record`: what it is one of, "line".
  FlatObject(std::vector<JsonField>& fields, std::string_view record)
      : fields_(fields), record_(record) {}

  const std::string& problem() const { return problem_; }
  std::size_t used() const { return used_; }

  bool null() override {
    if (!open_) return no_object();
    fields_[used_ - 1].missing = true;
    return true;
  }
  bool boolean(bool value) override { return put(value ? "true" : "false", true); }
  bool number_integer(number_integer_t value) override { return put(std::to_string(value), false); }
  bool number_unsigned(number_unsigned_t value) override {
    return put(std::to_string(value), false);
  }
  bool number_float(number_float_t, const string_t& spelling) override {
    return put(spelling, false);
  }
  bool string(string_t& value) override {
    if (open_ && value.find('\0') != value.npos) return fail(in_column("a NUL character"));
    return put(value, true);
  }
  bool binary(binary_t&) override { return no_object(); }
  bool start_object(std::size_t) override {
    if (open_) return fail(nested("an object"));
    return open_ = true;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return open_ ? fail(nested("a list")) : no_object(); }
  bool end_array() override { return true; }
  bool key(string_t& name) override {
    if (name.empty()) return fail("a key is empty");
    if (name.find('\0') != name.npos) return fail("a NUL character in a key");
    if (used_ == fields_.size()) fields_.emplace_back();
    JsonField& field = fields_[used_++];
    field.key = name;
    field.text.clear();
    field.is_text = false;
    field.missing = false;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception...] parse error at line 1, column 9: syntax error while parsing value -
    // invalid literal; last read: '...'"; what was last read may be any bytes.
    std::string_view reason = error.what();
    constexpr std::string_view before = "while parsing ";
    if (const auto at = reason.find(before); at != reason.npos)
      reason.remove_prefix(at + before.size());
    reason = reason.substr(0, reason.find("; last read"));
    if (error.id == 406) reason = "a number beyond the range of doubles";
    return fail(fmt::format("is not a JSON object, byte {}: {}", position,
                            is_utf8(reason) ? reason : "unreadable"));
  }

 private:
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool no_object() {
    return fail(
        fmt::format("is not a JSON object; each {} must be one: {{\"key\": value}}", record_));
  }
  std::string in_column(std::string_view what) const {
    return fmt::format("column {}: {}", in_quotes(fields_[used_ - 1].key), what);
  }
  std::string nested(std::string_view what) const {
    return in_column(
        fmt::format("{}, where a number, text, true, false or null is expected", what));
  }
  bool put(std::string_view text, bool is_text) {
    if (!open_) return no_object();
    fields_[used_ - 1].text = text;
    fields_[used_ - 1].is_text = is_text;
    return true;
  }

  std::vector<JsonField>& fields_;
  std::string_view record_;
  std::size_t used_ = 0;
  bool open_ = false;
  std::string problem_;
};

}  // namespace

JsonRecords::JsonRecords(std::string_view text, std::string name, JsonLayout layout)
    : text_(text), name_(std::move(name)), layout_(layout) {
  if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
    throw DataError(fmt::format("{}:1", name_),
                    "is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
  }
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
}

std::string JsonRecords::place() const {
  return layout_ == JsonLayout::lines ? fmt::format("{}:{}", name_, line_)
                                      : fmt::format("{}, element {}", name_, line_);
}

bool JsonRecords::next() {
  used_ = 0;
  if (layout_ == JsonLayout::list) {
    const auto element = next_element();
    if (element) parse(*element);
    return element.has_value();
  }
  while (at_ < text_.size()) {
    const std::string_view line = next_line();
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    parse(line);
    return true;
  }
  return false;
}

std::string_view JsonRecords::next_line() {
  const std::size_t end = std::min(text_.find('\n', at_), text_.size());
  const std::string_view line = text_.substr(at_, end - at_);
  at_ = end + 1;
  ++line_;
  return line;
}

void JsonRecords::skip_blanks() {
  at_ = std::min(text_.find_first_not_of(json_blanks, at_), text_.size());
}

std::optional<std::string_view> JsonRecords::next_element() {
  const auto fail = [this](const std::string& place, const char* problem) {
    at_ = text_.size();  // there is nothing to go on with
    throw DataError(place, problem);
  };
  skip_blanks();
  const bool first = line_ == 0;
  if (first) {
    if (at_ == text_.size()) return std::nullopt;
    line_ = 1;
    if (text_[at_] != '[')
      fail(name_, "is not a list of JSON objects; write [{\"key\": value}, ...]");
    ++at_;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == ']') {
      ++at_;
      skip_blanks();
      if (at_ < text_.size()) fail(name_, "something follows the end of the list");
      return std::nullopt;
    }
  } else {
    if (at_ == text_.size()) return std::nullopt;
    ++line_;
  }
  const std::size_t begin = at_;
  bool in_text = false;
  for (std::int64_t depth = 0; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (in_text) {
      if (c == '\\')
        ++at_;
      else
        in_text = c != '"';
      continue;
    }
    in_text = c == '"';
    if (c == '{' || c == '[') ++depth;
    if (depth == 0 && (c == ',' || c == ']')) break;
    if (c == '}' || c == ']') depth = std::max<std::int64_t>(0, depth - 1);
  }
  if (at_ >= text_.size()) fail(place(), "the list has no end: truncated or damaged");
  const std::string_view element = text_.substr(begin, at_ - begin);
  const bool last = text_[at_++] == ']';
  if (element.find_first_not_of(json_blanks) == element.npos)
    fail(place(), "is missing; there is a comma too many");
  if (last) {
    skip_blanks();
    if (at_ < text_.size()) fail(place(), "something follows the end of the list");
  } else {
    skip_blanks();
    if (at_ == text_.size()) fail(place(), "the list has no end: truncated or damaged");
  }
  return element;
}

void JsonRecords::parse(std::string_view record) {
  const char* const what = layout_ == JsonLayout::lines ? "line" : "element";
  if (record.size() > longest_json_record) {
    throw DataError(place(), fmt::format("is longer than {} bytes; each {} must be one JSON object",
                                         longest_json_record, what));
  }
  FlatObject object(fields_, what);
  if (!nlohmann::json::sax_parse(record.begin(), record.end(), &object))
    throw DataError(place(), object.problem());
  used_ = object.used();
  require_distinct_keys();
}

void JsonRecords::require_distinct_keys() {
  keys_.clear();
  for (const JsonField& field : fields()) keys_.push_back(field.key);
  std::sort(keys_.begin(), keys_.end());
  const auto twice = std::adjacent_find(keys_.begin(), keys_.end());
  if (twice == keys_.end()) return;
  used_ = 0;
  throw DataError(place(), fmt::format("the key {} is there twice", in_quotes(*twice)));
}

}  // namespace convoy
