// A format: tables of Weka (ARFF, https://waikato.github.io/weka-wiki/formats_and_processing/arff).
// Numbers and dates apart, what an attribute is declared as is text: one of its names, or any.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <convoy/core/error.hpp>
#include <convoy/data/formats/format.hpp>
#include <convoy/plugin.hpp>
#include <limits>
#include <map>
#include <utility>

CONVOY_PLUGIN("arff", "1.0")

namespace {

using convoy::DataError;

constexpr std::string_view blanks = " \t\r";

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
  return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return small;
}

/// Takes values off the front of a line.
class ArffLine {
 public:
  struct Value {
    std::string text;
    bool quoted = false;
    bool missing() const { return !quoted && text == "?"; }
  };

  explicit ArffLine(std::string_view line) : rest_(without_blanks(line)) {}
  std::string_view rest() const { return rest_; }

  /// Up to one of `ends`, which stays there. `problem`: what is wrong, if something is.
  Value take(std::string_view ends, std::string& problem) {
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) {
      const std::string_view plain = rest_.substr(0, rest_.find_first_of(ends));
      skip(plain.size());
      return {std::string(without_blanks(plain)), false};
    }
    const char quote = rest_[0];
    Value value{"", true};
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != quote; ++i) {
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      value.text += rest_[i];
    }
    if (i == rest_.size()) problem = "a quote without an end";
    skip(std::min(i + 1, rest_.size()));
    return value;
  }

  bool take_mark(char mark) {
    if (rest_.empty() || rest_[0] != mark) return false;
    skip(1);
    return true;
  }

 private:
  void skip(std::size_t count) {
    rest_.remove_prefix(count);
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
  }

  std::string_view rest_;
};

struct ArffAttribute {
  std::string name;
  bool number = false;
  std::vector<std::string> names = {};  ///< ascending; empty: any text
};

class ArffReader final : public convoy::TableReader {
 public:
  explicit ArffReader(convoy::Content file) : file_(std::move(file)), data_(file_.text()) {
    while (true) {
      if (data_.empty()) throw DataError(file_.name, "has no @data");
      ArffLine line(next_line(data_, data_line_));
      const std::string at = file_.name + ":" + std::to_string(data_line_);
      if (line.rest().empty() || line.rest()[0] == '%') continue;
      std::string problem;
      const std::string word = in_small_letters(line.take(blanks, problem).text);
      if (word == "@data") break;
      if (word == "@attribute") add_attribute(line, at);
      if (word != "@attribute" && word != "@relation")
        throw DataError(at, "is none of @relation, @attribute and @data");
    }
    if (attributes_.empty()) throw DataError(file_.name, "has no @attribute");
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const ArffAttribute& attribute : attributes_) all.push_back(attribute.name);
    return all;
  }

  void read(const std::function<void(convoy::Table piece)>& take) const override {
    constexpr std::int64_t rows_of_a_piece = 4096;
    std::string_view text = data_;
    std::int64_t number = data_line_;
    Piece piece(attributes_);
    while (!text.empty()) {
      ArffLine line(next_line(text, number));
      if (line.rest().empty() || line.rest()[0] == '%') continue;
      std::string problem;
      const std::vector<ArffLine::Value> values = values_of(line, problem);
      piece.add(values, problem, file_.name + ":" + std::to_string(number));
      if (piece.table.rows == rows_of_a_piece) take(std::exchange(piece, Piece(attributes_)).table);
    }
    if (piece.table.rows > 0) take(std::move(piece.table));
  }

 private:
  /// A table, and where its texts are among its categories.
  struct Piece {
    explicit Piece(const std::vector<ArffAttribute>& of) : attributes(of), seen(of.size()) {
      for (const ArffAttribute& attribute : of) {
        table.columns.emplace_back().name = attribute.name;
        table.columns.back().categorical = !attribute.number;
      }
    }
    Piece& operator=(Piece&& other) noexcept {
      table = std::move(other.table);
      seen = std::move(other.seen);
      return *this;
    }
    Piece(Piece&&) = default;

    // A bad row misses all of its values.
    void add(const std::vector<ArffLine::Value>& values, const std::string& problem,
             const std::string& at) {
      if (!problem.empty()) table.bad.push_back({table.rows, DataError(at, problem).what()});
      for (std::size_t i = 0; i < attributes.size(); ++i) {
        const bool missing = !problem.empty() || values[i].missing();
        convoy::Column& column = table.columns[i];
        if (attributes[i].number)
          column.numbers.push_back(missing ? std::nan("") : number_of(values[i].text));
        else
          column.codes.push_back(missing ? -1 : code_of(i, values[i].text));
      }
      ++table.rows;
    }

    std::int32_t code_of(std::size_t i, const std::string& text) {
      std::vector<std::string>& categories = table.columns[i].categories;
      const auto [at, is_new] =
          seen[i].try_emplace(text, static_cast<std::int32_t>(categories.size()));
      if (is_new) categories.push_back(text);
      return at->second;
    }

    const std::vector<ArffAttribute>& attributes;
    convoy::Table table;
    std::vector<std::map<std::string, std::int32_t>> seen;
  };

  static std::string_view next_line(std::string_view& text, std::int64_t& number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ++number;
    return line;
  }

  /// Infinite or NaN: it is none.
  static double number_of(const std::string& text) {
    double number = std::nan("");
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return stop == end && error == std::errc() ? number : std::nan("");
  }

  void add_attribute(ArffLine& line, const std::string& at) {
    std::string problem;
    ArffAttribute attribute{line.take(blanks, problem).text};
    if (line.take_mark('{')) {
      do {
        attribute.names.push_back(line.take(",}", problem).text);
      } while (line.take_mark(','));
      if (!line.take_mark('}')) problem = "a { without an end";
      std::sort(attribute.names.begin(), attribute.names.end());
    } else {
      const std::string type = in_small_letters(line.take(blanks, problem).text);
      attribute.number = type == "numeric" || type == "real" || type == "integer";
      if (!attribute.number && type != "string" && type != "date")
        problem = "an attribute that is none of numeric, real, integer, string, date and {...}";
    }
    const bool twice = std::any_of(attributes_.begin(), attributes_.end(),
                                   [&](const auto& other) { return other.name == attribute.name; });
    if (attribute.name.empty()) problem = "an attribute without a name";
    if (twice) problem = "attribute " + attribute.name + " is there already";
    if (!problem.empty()) throw DataError(at, problem);
    attributes_.push_back(std::move(attribute));
  }

  std::vector<ArffLine::Value> values_of(ArffLine& line, std::string& problem) const {
    std::vector<ArffLine::Value> values;
    if (line.rest()[0] == '{') {
      problem = "rows that list only what is not 0 ({...}) are not read";
      return values;
    }
    do {
      values.push_back(line.take(",", problem));
    } while (line.take_mark(','));
    if (problem.empty() && !line.rest().empty()) problem = "text after a quote";
    if (problem.empty() && values.size() != attributes_.size()) {
      problem = std::to_string(values.size()) + " values where " +
                std::to_string(attributes_.size()) + " are expected";
    }
    for (std::size_t i = 0; i < values.size() && problem.empty(); ++i) {
      if (!fits(values[i], attributes_[i]))
        problem = "a value that attribute " + attributes_[i].name + " cannot have";
    }
    return values;
  }

  static bool fits(const ArffLine::Value& value, const ArffAttribute& attribute) {
    if (value.missing()) return true;
    if (attribute.number) return std::isfinite(number_of(value.text));
    return attribute.names.empty() ||
           std::binary_search(attribute.names.begin(), attribute.names.end(), value.text);
  }

  convoy::Content file_;
  std::vector<ArffAttribute> attributes_;
  std::string_view data_;       // what follows @data
  std::int64_t data_line_ = 0;  // the line of @data
};

/// Comments, then @relation.
convoy::Likeness arff_likeness(const convoy::Content& file) {
  std::string_view text = file.text().substr(0, 65536);
  while (!text.empty()) {
    const std::string_view line = without_blanks(text.substr(0, text.find('\n')));
    if (!line.empty() && line[0] != '%') {
      return in_small_letters(line.substr(0, 9)) == "@relation" ? convoy::Likeness::text
                                                                : convoy::Likeness::none;
    }
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return convoy::Likeness::none;
}

convoy::FormatKind arff_kind() {
  convoy::FormatKind kind;
  kind.name = "arff";
  kind.doc = "a table of Weka, with the names and types of its columns";
  kind.title = "ARFF";
  kind.endings = {".arff"};
  kind.text_likeness = arff_likeness;
  kind.parts = true;
  kind.table = [](const convoy::Content& file) { return std::make_unique<ArffReader>(file); };
  return kind;
}

const convoy::schema::Registered arff(convoy::formats(), arff_kind());

}  // namespace
