#include "data/formats/json_array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

constexpr std::size_t most_json_dimensions = 32;
constexpr const char* json_array_blanks = " \t\r\n";

/// From the first character on that is no blank and no byte order mark.
std::string_view json_begin(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  text.remove_prefix(std::min(text.find_first_not_of(json_array_blanks), text.size()));
  return text;
}

/// What stands first in a list; NUL: it is no list, or there is nothing.
char first_in_list(std::string_view text) {
  text = json_begin(text);
  return text.starts_with('[') ? first_of_json(text.substr(1)) : '\0';
}

/// Receives numbers and how they are nested. Each function returns false, with a `problem`, to
/// stop.
class NumberLists final : public nlohmann::json_sax<nlohmann::json> {
 public:
  const std::string& problem() const { return problem_; }

  Array array() && {
    Array array;
    array.shape = std::move(shape_);
    array.type = whole_ ? ElementType::i64 : ElementType::f64;
    const std::size_t size = whole_ ? integers_.size() : numbers_.size();
    std::vector<std::byte> bytes(size * sizeof(double));
    static_assert(sizeof(double) == sizeof(std::int64_t));
    if (!bytes.empty()) {
      std::memcpy(bytes.data(),
                  whole_ ? static_cast<const void*>(integers_.data()) : numbers_.data(),
                  bytes.size());
    }
    const auto owner = own(std::move(bytes));
    array.bytes = *owner;
    array.owner = owner;
    return array;
  }

  bool null() override { return no_number("null"); }
  bool boolean(bool value) override { return no_number(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    if (!put()) return false;
    if (whole_)
      integers_.push_back(value);
    else
      numbers_.push_back(static_cast<double>(value));
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return number_integer(static_cast<std::int64_t>(value));
    return number_float(static_cast<double>(value), {});
  }
  bool number_float(number_float_t value, const string_t&) override {
    if (!put()) return false;
    if (whole_) {
      numbers_.assign(integers_.begin(), integers_.end());
      integers_ = {};
      whole_ = false;
    }
    numbers_.push_back(value);
    return true;
  }
  bool string(string_t& value) override { return no_number(in_quotes(value)); }
  bool binary(binary_t&) override { return no_number("bytes"); }
  bool start_object(std::size_t) override { return no_number("an object"); }
  bool key(string_t&) override { return false; }
  bool end_object() override { return false; }
  bool start_array(std::size_t) override {
    const std::size_t depth = open_.size();
    if (depth > 0) ++open_.back();
    if (depth == most_json_dimensions)
      return fail(fmt::format("has more than {} dimensions", most_json_dimensions));
    if (depth == shape_.size()) {
      if (has_numbers_) return fail("a list where there are numbers elsewhere");
      shape_.push_back(unknown);
    }
    open_.push_back(0);
    return true;
  }
  bool end_array() override {
    const std::int64_t length = open_.back();
    open_.pop_back();
    std::int64_t& expected = shape_[open_.size()];
    if (expected == unknown) expected = length;
    return length == expected ||
           fail(fmt::format("a list of {} where the first has {}", length, expected));
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    return fail(error.id == 406
                    ? "a number beyond the range of doubles"
                    : fmt::format("is not JSON, byte {}: truncated or damaged", position));
  }

 private:
  static constexpr std::int64_t unknown = -1;

  bool fail(const std::string& problem) {
    // What is being read lies in this element of the outermost list.
    problem_ =
        open_.empty() || open_[0] == 0 ? problem : fmt::format("element {}: {}", open_[0], problem);
    return false;
  }
  bool no_number(const std::string& what) {
    if (!open_.empty()) ++open_.back();
    return fail(what + ", where a number is expected");
  }
  bool put() {
    if (open_.empty()) return fail("is a number, not a list of them");
    ++open_.back();
    if (open_.size() != shape_.size()) return fail("a number where there are lists elsewhere");
    return has_numbers_ = true;
  }

  std::vector<std::int64_t> shape_;  // of each depth, as its first list has it
  std::vector<std::int64_t> open_;   // how many elements the open lists have so far
  std::vector<std::int64_t> integers_;
  std::vector<double> numbers_;  // else
  bool whole_ = true;
  bool has_numbers_ = false;
  std::string problem_;
};

}  // namespace

char first_of_json(std::string_view text) {
  text = json_begin(text);
  return text.empty() ? '\0' : text[0];
}

bool is_json_list(std::string_view text) {
  return first_in_list(text) == '{';
}

bool is_json_array(std::string_view text) {
  const char first = first_in_list(text);
  return first == '[' || first == '-' || (first >= '0' && first <= '9');
}

Array parse_json_array(std::string_view text, const std::string& name) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  NumberLists lists;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &lists))
    throw DataError(name, lists.problem());
  return std::move(lists).array();
}

}  // namespace convoy
