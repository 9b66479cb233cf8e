#include "data/formats/csv_lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_set>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr std::size_t most_columns = 1'000'000;

std::string at_line(const std::string& name, std::int64_t line) {
  return fmt::format("{}:{}", name, line);
}

bool is_blank(char c, char delimiter) {
  return (c == ' ' || c == '\t') && c != delimiter;
}

/// The number of fields of the record to come that is not blank; 0 when there is none. Where
/// records may be bad: the number that most of the first hundred have.
std::size_t width_of(CsvLexer lexer, bool tolerant) {
  constexpr int most_records = 100;
  std::map<std::size_t, int> times;
  std::vector<std::string_view> fields;
  for (int record = 0; record < (tolerant ? most_records : 1);) {
    try {
      if (!lexer.next(fields)) break;
      if (lexer.blank()) continue;
      ++times[fields.size()];
    } catch (const DataError&) {
      if (!tolerant) throw;
      lexer.skip_line();
    }
    ++record;
  }
  const auto usual = std::max_element(
      times.begin(), times.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return usual == times.end() ? 0 : usual->first;
}

}  // namespace

CsvLexer::CsvLexer(std::string_view text, std::string name, char delimiter, bool tolerant)
    : text_(text), name_(std::move(name)), delimiter_(delimiter) {
  if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
    throw DataError(at_line(name_, 1), "is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
  }
  if (const void* nul =
          text_.empty() || tolerant ? nullptr : std::memchr(text_.data(), 0, text_.size())) {
    throw DataError(fmt::format("{}, byte {}", name_, static_cast<const char*>(nul) - text_.data()),
                    "a NUL byte: not a CSV file");
  }
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
}

bool CsvLexer::next(std::vector<std::string_view>& fields) {
  fields.clear();
  unescaped_used_ = 0;
  if (at_ >= text_.size()) return false;
  record_line_ = line_;
  record_at_ = at_;
  bool any_quoted = false;
  while (true) {
    std::size_t first = at_;
    while (first < text_.size() && is_blank(text_[first], delimiter_)) ++first;
    const bool quotes = first < text_.size() && text_[first] == '"';
    any_quoted = any_quoted || quotes;
    at_ = first;
    fields.push_back(quotes ? quoted_field() : plain_field());
    if (at_ >= text_.size()) break;
    if (text_[at_] == delimiter_) {
      ++at_;
      continue;
    }
    end_line();
    break;
  }
  blank_ = fields.size() == 1 && fields[0].empty() && !any_quoted;
  return true;
}

void CsvLexer::skip_line() {
  at_ = std::min(text_.find_first_of("\r\n", record_at_), text_.size());
  line_ = record_line_;
  if (at_ < text_.size()) end_line();
}

std::string_view CsvLexer::plain_field() {
  // Locals, because a store to a member in the loop could alias the text as far as the compiler
  // knows.
  const char* const text = text_.data();
  const std::size_t size = text_.size();
  const std::size_t start = at_;
  const char delimiter = delimiter_;
  std::size_t end = start;
  while (end < size && text[end] != delimiter && text[end] != '\n' && text[end] != '\r') ++end;
  at_ = end;
  while (end > start && is_blank(text[end - 1], delimiter)) --end;
  return text_.substr(start, end - start);
}

std::string_view CsvLexer::quoted_field() {
  const std::int64_t opened = line_;
  std::size_t start = ++at_;
  std::string* copy = nullptr;
  std::string_view value;
  while (true) {
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n' && text_[at_] != '\r')
      ++at_;
    if (at_ >= text_.size())
      throw DataError(at_line(name_, opened), "a quote that opens here is never closed");
    if (text_[at_] != '"') {
      end_line();
      continue;
    }
    const std::string_view part = text_.substr(start, at_ - start);
    ++at_;
    const bool escaped = at_ < text_.size() && text_[at_] == '"';
    if (!escaped && !copy) {
      value = part;
      break;
    }
    if (!copy) {
      if (unescaped_used_ == unescaped_.size()) unescaped_.emplace_back();
      copy = &unescaped_[unescaped_used_++];
      copy->clear();
    }
    copy->append(part);
    if (!escaped) {
      value = *copy;
      break;
    }
    copy->push_back('"');
    start = ++at_;
  }
  while (at_ < text_.size() && is_blank(text_[at_], delimiter_)) ++at_;
  if (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n' && text_[at_] != '\r') {
    throw DataError(at_line(name_, line_),
                    "text after a closing quote; write a quote inside quotes as \"\"");
  }
  return value;
}

void CsvLexer::end_line() {
  at_ += text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n' ? 2 : 1;
  ++line_;
}

char csv_delimiter(const CsvOptions& options) {
  if (options.delimiter == "tab") return '\t';
  if (options.delimiter.size() != 1 || std::strchr("\"\n\r", options.delimiter[0])) {
    throw InputError(
        fmt::format("data.csv.delimiter: {} is not one character; write a character or tab",
                    in_quotes(options.delimiter)));
  }
  return options.delimiter[0];
}

std::vector<std::string> read_csv_header(CsvLexer& lexer, const std::string& name,
                                         const CsvOptions& options, bool tolerant) {
  const bool named = options.header == "true";
  if (!named && options.header != "false" && options.header != "skip") {
    throw InputError(
        fmt::format("data.csv.header: {}: write true, false or skip", in_quotes(options.header)));
  }
  if (named && !options.columns.empty()) {
    throw InputError(
        "data.csv.columns: the header line already names the columns; set data.csv.header: skip");
  }
  std::vector<std::string_view> fields;
  bool more = true;
  if (options.header != "false") {
    do {
      more = lexer.next(fields);
    } while (more && lexer.blank());
    if (!more) throw DataError(at_line(name, 1), "is empty");
  }
  const std::int64_t line = std::max<std::int64_t>(1, lexer.line());
  std::vector<std::string> names = options.columns;
  if (named) {
    names.assign(fields.begin(), fields.end());
  } else if (names.empty()) {
    names.resize(width_of(lexer, tolerant));
  }
  if (names.size() > most_columns) {
    throw DataError(at_line(name, line),
                    fmt::format("more than {} columns; is the delimiter right?", most_columns));
  }
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) names[i] = fmt::format("column_{}", i + 1);
    if (!is_utf8(names[i]))
      throw DataError(at_line(name, line), fmt::format("name of column {} is not UTF-8", i + 1));
  }
  for (const std::string& column : names) {
    if (!seen.insert(column).second) {
      throw DataError(at_line(name, line),
                      fmt::format("two columns are called {}; rename one", in_quotes(column)));
    }
  }
  return names;
}

std::vector<std::string> csv_column_names(std::string_view text, const std::string& name,
                                          const CsvOptions& options, bool tolerant) {
  CsvLexer lexer(text, name, csv_delimiter(options), tolerant);
  return read_csv_header(lexer, name, options, tolerant);
}

std::size_t csv_width(std::string_view text, const std::string& name, const CsvOptions& options,
                      bool tolerant) {
  CsvLexer lexer(text, name, csv_delimiter(options), tolerant);
  std::vector<std::string_view> fields;
  if (options.header != "false") {
    while (lexer.next(fields) && lexer.blank()) continue;
  }
  return width_of(lexer, tolerant);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 40;
  const bool cut = text.size() > longest;
  std::string out = "'";
  for (char c : text.substr(0, longest)) out += c >= 0 && (c < ' ' || c == 127) ? '?' : c;
  // A cut must not leave half a character behind.
  while (cut && out.size() > 1 && !is_utf8(std::string_view(out).substr(1)) && is_utf8(text))
    out.pop_back();
  return out + (cut ? "...'" : "'");
}

bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) continue;
    const std::size_t more = lead >= 0xC2 && lead <= 0xDF   ? 1
                             : (lead & 0xF0) == 0xE0        ? 2
                             : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                            : 0;
    if (more == 0 || at + more > text.size()) return false;
    // The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF.
    const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    const auto second = static_cast<unsigned char>(text[at]);
    if (second < low || second > high) return false;
    for (std::size_t i = 1; i < more; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return false;
    }
    at += more;
  }
  return true;
}

std::string name_list(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 12;
  std::string out;
  for (std::size_t i = 0; i < std::min(shown, names.size()); ++i) {
    out += fmt::format("{}{}", i ? ", " : "", std::string_view(names[i]).substr(0, 60));
  }
  if (names.size() > shown) out += fmt::format(" and {} more", names.size() - shown);
  return out;
}

}  // namespace convoy
