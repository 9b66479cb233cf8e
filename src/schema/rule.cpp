// Declared in convoy/schema/schema.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "convoy/schema/schema.hpp"

namespace convoy::schema {
namespace {

std::string range_of(const Rule& rule, std::string_view noun) {
  const bool low = std::isfinite(rule.low);
  const bool high = std::isfinite(rule.high);
  std::string text(noun);
  if (low && high) {
    text += fmt::format(" {} {} to {}{}", rule.low_excluded ? "above" : "from", rule.low,
                        rule.high_excluded ? "below " : "", rule.high);
  } else if (low) {
    text += fmt::format(" {} {}", rule.low_excluded ? "above" : "of at least", rule.low);
  }
  if (!rule.word.empty()) text += fmt::format(", or {}", rule.word);
  return text;
}

struct Describer {
  const Rule& rule;
  std::string operator()(const bool*) const { return "true or false"; }
  std::string operator()(const std::int64_t*) const { return range_of(rule, "a whole number"); }
  std::string operator()(const std::uint64_t*) const {
    return "a whole number from 0 to 18446744073709551615";
  }
  std::string operator()(const double*) const { return range_of(rule, "a number"); }
  std::string operator()(const std::string*) const {
    return rule.choices.empty() ? "text" : fmt::format("one of {}", fmt::join(rule.choices, ", "));
  }
  std::string operator()(const std::vector<std::string>*) const {
    return "a list of names such as [a, b]";
  }
  std::string operator()(const std::vector<std::int64_t>*) const {
    return "a list such as [64, 32], each " + range_of(rule, "a whole number");
  }
};

}  // namespace

Rule Rule::or_word(std::string_view text, double value) const {
  Rule rule = *this;
  rule.word = text;
  rule.word_value = value;
  return rule;
}

Rule Rule::replaces(std::string_view former_choice, std::string_view by) const {
  Rule rule = *this;
  rule.former = former_choice;
  rule.instead = by;
  return rule;
}

Rule Rule::required() const {
  Rule rule = *this;
  rule.needed = true;
  return rule;
}

Rule Rule::only_for(std::vector<std::string_view> those) const {
  Rule rule = *this;
  rule.kinds = std::move(those);
  return rule;
}

Rule any() {
  return {};
}

Rule choice(std::vector<std::string_view> choices) {
  Rule rule;
  rule.choices = std::move(choices);
  return rule;
}

Rule at_least(double low) {
  Rule rule;
  rule.low = low;
  return rule;
}

Rule above(double low) {
  Rule rule = at_least(low);
  rule.low_excluded = true;
  return rule;
}

Rule between(double low, double high) {
  Rule rule = at_least(low);
  rule.high = high;
  return rule;
}

Rule part() {
  Rule rule = between(0, 1);
  rule.high_excluded = true;
  return rule;
}

std::string expected(const Value& value, const Rule& rule) {
  return std::visit(Describer{rule}, value);
}

}  // namespace convoy::schema
