#include "data/sources/sql_text.hpp"

#include <algorithm>
#include <cctype>

namespace convoy {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The words of a query and its parentheses.
class SqlWords {
 public:
  explicit SqlWords(std::string_view text) : text_(text) {}

  /// The next word in small letters, "(" or ")", or "?" for anything else; empty at the end.
  std::string next() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        ++at_;
      } else if (text_.substr(at_).starts_with("--")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        skip_comment();
      } else if (c == '\'' || c == '"') {
        const bool escapes =
            c == '\'' && at_ > 0 && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
        skip_quoted(c, escapes);
        return "?";
      } else if (c == '$' && skip_dollar_quoted()) {
        return "?";
      } else if (is_word(c)) {
        return word();
      } else {
        ++at_;
        return c == '(' || c == ')' ? std::string(1, c) : "?";
      }
    }
    return "";
  }

 private:
  std::string word() {
    std::string out;
    for (; at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '$'); ++at_)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(text_[at_])));
    return out;
  }

  void skip_comment() {  // they nest
    int depth = 0;
    while (at_ < text_.size()) {
      const std::string_view here = text_.substr(at_, 2);
      if (here == "/*" || here == "*/") {
        depth += here == "/*" ? 1 : -1;
        at_ += 2;
        if (depth == 0) return;
      } else {
        ++at_;
      }
    }
  }

  void skip_quoted(char quote, bool escapes) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes && text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == quote) {
        ++at_;
        return;  // a doubled quote begins the next text, which is as good
      }
    }
    at_ = text_.size();
  }

  /// $tag$ ... $tag$; false: the dollar is something else.
  bool skip_dollar_quoted() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_word(text_[end])) ++end;
    if (end >= text_.size() || text_[end] != '$') return false;
    if (end > at_ + 1 && std::isdigit(static_cast<unsigned char>(text_[at_ + 1])) != 0)
      return false;
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const std::size_t close = text_.find(tag, end + 1);
    at_ = close == text_.npos ? text_.size() : close + tag.size();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool has_order_by(std::string_view query) {
  SqlWords words(query);
  int depth = 0;
  std::string before;
  for (std::string word = words.next(); !word.empty(); word = words.next()) {
    if (word == "(") ++depth;
    if (word == ")") --depth;
    if (depth == 0 && before == "order" && word == "by") return true;
    before = std::move(word);
  }
  return false;
}

std::string first_word(std::string_view query) {
  std::string word = SqlWords(query).next();
  return word == "?" || word == ")" ? "" : word;
}

}  // namespace convoy
