#include "data/formats/json_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

constexpr std::size_t longest_json_line = std::size_t{16} << 20;

/// Receives the parts of one line. Each function returns false, with a `problem`, to stop.
class FlatObject final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FlatObject(std::vector<JsonField>& fields) : fields_(fields) {}

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
  bool no_object() { return fail("is not a JSON object; each line must be one: {\"key\": value}"); }
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
  std::size_t used_ = 0;
  bool open_ = false;
  std::string problem_;
};

}  // namespace

JsonRecords::JsonRecords(std::string_view text, std::string name)
    : text_(text), name_(std::move(name)) {
  if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
    throw DataError(fmt::format("{}:1", name_),
                    "is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
  }
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
}

bool JsonRecords::next() {
  used_ = 0;
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

void JsonRecords::parse(std::string_view line) {
  const auto fail = [this](const std::string& problem) {
    throw DataError(fmt::format("{}:{}", name_, line_), problem);
  };
  if (line.size() > longest_json_line) {
    fail(fmt::format("is longer than {} bytes; each line must be one JSON object",
                     longest_json_line));
  }
  FlatObject object(fields_);
  if (!nlohmann::json::sax_parse(line.begin(), line.end(), &object)) fail(object.problem());
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
  throw DataError(fmt::format("{}:{}", name_, line_),
                  fmt::format("the key {} is there twice", in_quotes(*twice)));
}

}  // namespace convoy
