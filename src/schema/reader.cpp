// Declared in schema/document.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "schema/document.hpp"
#include "schema/json.hpp"
#include "schema/quote.hpp"
#include "schema/suggest.hpp"

namespace convoy::schema {
namespace {

std::string join_path(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

/// What a node is, for "... is a list, not ...".
std::string_view noun(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "has no value";
    case Node::Kind::list:
      return "is a list";
    case Node::Kind::map:
      return "is a map";
    case Node::Kind::scalar:
      break;
  }
  return "is a single value";
}

/// Reads one value; every message says what is expected.
class ValueReader {
 public:
  ValueReader(const Document& document, std::string path, const Key& key)
      : document_(document), path_(std::move(path)), key_(key) {}

  void read(const Node& node) {
    std::visit([&](auto* value) { assign(node, *value); }, key_.value);
  }

 private:
  [[noreturn]] void fail(const Node& node, std::string_view problem) const {
    document_.fail(node, path_,
                   fmt::format("{}; write {}", problem, expected(key_.value, key_.rule)));
  }

  const std::string& text_of(const Node& node) const {
    if (node.kind == Node::Kind::scalar) return node.text;
    fail(node, fmt::format("{}{}", noun(node),
                           node.kind == Node::Kind::null ? "" : ", not a single value"));
  }

  const std::string& number_of(const Node& node) const {
    const std::string& text = text_of(node);
    if (node.quoted) fail(node, fmt::format("{} is text, because of its quotes", quote(text)));
    return text;
  }

  void assign(const Node& node, bool& value) const {
    const std::string& text = number_of(node);
    if (text != "true" && text != "false")
      fail(node, fmt::format("{} is neither true nor false", quote(text)));
    value = text == "true";
  }

  template <class Integer>
  void assign_integer(const Node& node, Integer& value) const {
    const std::string& text = number_of(node);
    if (!key_.rule.word.empty() && text == key_.rule.word) {
      value = static_cast<Integer>(key_.rule.word_value);
      return;
    }
    const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const char* const end = text.data() + text.size();
    const bool negative = std::is_unsigned_v<Integer> && text.starts_with('-');
    const auto [stop, error] = std::from_chars(begin + (negative ? 1 : 0), end, value);
    if (stop != end || error == std::errc::invalid_argument) {
      fail(node, fmt::format("{} is not a whole number", quote(text)));
    }
    if (negative || error == std::errc::result_out_of_range) fail_range(node);
    check_range(node, static_cast<double>(value));
  }
  void assign(const Node& node, std::int64_t& value) const { assign_integer(node, value); }
  void assign(const Node& node, std::uint64_t& value) const { assign_integer(node, value); }

  void assign(const Node& node, double& value) const {
    const std::string& text = number_of(node);
    const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (stop != end || error == std::errc::invalid_argument) {
      fail(node, fmt::format("{} is not a number", quote(text)));
    }
    if (error == std::errc::result_out_of_range) fail_range(node);
    if (!std::isfinite(value)) fail(node, fmt::format("{} is not a finite number", quote(text)));
    check_range(node, value);
  }

  void assign(const Node& node, std::string& value) const {
    const std::string& text = text_of(node);
    const auto& choices = key_.rule.choices;
    if (!text.empty() && text == key_.rule.former)
      document_.fail(node, path_, fmt::format("{} is gone: write {}", text, key_.rule.instead));
    if (!choices.empty() && std::ranges::find(choices, text) == choices.end()) fail_choice(node);
    value = text;
  }

  template <class Element>
  void assign(const Node& node, std::vector<Element>& values) const {
    values.clear();
    if (node.kind == Node::Kind::scalar) {  // one value stands for a list of one
      assign(node, values.emplace_back());
    } else if (node.kind == Node::Kind::list) {
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        ValueReader element(document_, fmt::format("{}.{}", path_, i), key_);
        element.assign_element(node.items[i], values.emplace_back());
      }
    } else {
      fail(node, noun(node));
    }
  }

  template <class Element>
  void assign_element(const Node& node, Element& value) const {
    if (std::is_same_v<Element, std::string> && node.kind == Node::Kind::null) {
      document_.fail(node, path_, "null is no text; put it in quotes to mean the word");
    }
    assign(node, value);
  }

  void check_range(const Node& node, double value) const {
    const Rule& rule = key_.rule;
    const bool low = rule.low_excluded ? value > rule.low : value >= rule.low;
    const bool high = rule.high_excluded ? value < rule.high : value <= rule.high;
    if (!low || !high) fail_range(node);
  }

  [[noreturn]] void fail_range(const Node& node) const {
    fail(node, fmt::format("{} is out of range", quote(node.text)));
  }

  [[noreturn]] void fail_choice(const Node& node) const {
    const std::vector<std::string> choices(key_.rule.choices.begin(), key_.rule.choices.end());
    const std::string best = nearest(node.text, choices);
    document_.fail(node, path_,
                   fmt::format("{} is not {}{}", quote(node.text), expected(key_.value, key_.rule),
                               best.empty() ? "" : fmt::format("; did you mean '{}'?", best)));
  }

  const Document& document_;
  std::string path_;
  const Key& key_;
};

/// Reads the keys of one map.
class Reader final : public Visitor {
 public:
  Reader(const Document& document, const Describe& root, const Node& map, std::string path)
      : document_(document), root_(root), map_(map), path_(std::move(path)) {}

  void read(const Describe& describe_level) {
    const std::vector<std::string> known = key_names(describe_level);
    for (std::size_t i = 0; i < map_.keys.size(); ++i) {
      if (std::ranges::find(known, map_.keys[i]) == known.end())
        fail_unknown(map_.items[i], map_.keys[i], known);
    }
    describe_level(*this);
  }

  void visit(const Key& key) override {
    if (key.name == "kind") kind_ = std::get<std::string*>(key.value);
    const std::string path = join_path(path_, key.name);
    const Node* node = map_.find(key.name);
    if (node == nullptr) {
      if (key.rule.needed) {
        document_.fail(map_, path,
                       fmt::format("is missing; write {}", expected(key.value, key.rule)));
      }
      return;
    }
    read_key(key, *node, key.rule);
  }

  void visit(const Section& section) override {
    const Node* node = map_.find(section.name);
    if (node == nullptr) return;
    const std::string path = join_path(path_, section.name);
    if (node->kind != Node::Kind::map) {
      document_.fail(*node, path,
                     fmt::format("{}, not a section; its keys are {}", noun(*node),
                                 fmt::join(key_names(section.describe), ", ")));
    }
    Reader(document_, root_, *node, path).read(section.describe);
  }

  void visit(Items& list) override {
    const Node* node = map_.find(list.name);
    if (node == nullptr) return;
    const std::string path = join_path(path_, list.name);
    if (node->kind != Node::Kind::list) {
      document_.fail(*node, path,
                     fmt::format("{}, not a list; begin each item with '-'", noun(*node)));
    }
    list.clear();
    for (const Node& item : node->items)
      read_item(item, list, fmt::format("{}.{}", path, list.size()));
    if (list.size() > 0) check_kind(*node, path, list.rule);
  }

  void visit(Variant& variant) override {
    kind_ = &variant.kind_name();
    kind_key_ = variant.key;
    Visitor::visit(variant);
    const auto own = [&](Visitor& visitor) { variant.describe_own(visitor); };
    check_others(variant, key_names(own));
  }

 private:
  /// A default is harmless: `--print-job` may write keys of other kinds too.
  void read_key(const Key& key, const Node& node, const Rule& kinds) {
    const std::string path = join_path(path_, key.name);
    const auto unchanged = std::visit(
        [](auto* value) -> std::function<bool()> {
          return [value, before = *value] { return *value == before; };
        },
        key.value);
    ValueReader(document_, path, key).read(node);
    if (!unchanged()) check_kind(node, path, kinds);
  }

  /// The kinds that have keys which the map gives and the chosen kind has not.
  void check_others(Variant& variant, const std::vector<std::string>& own) {
    std::vector<std::string> seen = own;
    for (const ItemKind& other : variant.kinds) {
      for (const std::string& name :
           key_names([&](Visitor& visitor) { variant.describe_kind(visitor, other); })) {
        const Node* node = map_.find(name);
        if (node == nullptr || std::ranges::find(seen, name) != seen.end()) continue;
        seen.push_back(name);
        OtherKind reader(*this, name, kinds_with(variant, name));
        variant.describe_kind(reader, other);
      }
    }
  }

  static std::vector<std::string_view> kinds_with(Variant& variant, const std::string& name) {
    std::vector<std::string_view> kinds;
    for (const ItemKind& kind : variant.kinds) {
      const auto names =
          key_names([&](Visitor& visitor) { variant.describe_kind(visitor, kind); });
      if (std::ranges::find(names, name) != names.end()) kinds.push_back(kind.name);
    }
    return kinds;
  }

  /// Reads one key of a kind that was not chosen, or what is below it.
  class OtherKind final : public Visitor {
   public:
    OtherKind(Reader& reader, std::string name, std::vector<std::string_view> kinds)
        : reader_(reader), name_(std::move(name)), rule_(any().only_for(std::move(kinds))) {}
    void visit(const Key& key) override {
      if (key.name == name_) reader_.read_key(key, *reader_.map_.find(name_), rule_);
    }
    void visit(const Section& section) override {
      if (section.name != name_) return;
      const auto before = to_json(section.describe);
      reader_.visit(section);
      if (to_json(section.describe) != before) check();
    }
    void visit(Items& list) override {
      if (list.name != name_) return;
      reader_.visit(list);
      if (list.size() > 0) check();
    }

   private:
    void check() {
      reader_.check_kind(*reader_.map_.find(name_), join_path(reader_.path_, name_), rule_);
    }

    Reader& reader_;
    const std::string name_;
    const Rule rule_;
  };

  void read_item(const Node& item, Items& list, const std::string& path) {
    if (item.kind != Node::Kind::map || item.keys.size() != 1) {
      document_.fail(item, path,
                     fmt::format("{}; an item is one kind, with its members after a colon",
                                 item.keys.size() > 1 ? "has several kinds" : "names no kind"));
    }
    const Items::Kind* kind = list.find_kind(item.keys[0]);
    if (kind == nullptr) fail_unknown_kind(item, list, path);
    const Node& members = item.items[0];
    const std::string members_path = join_path(path, kind->name);
    const std::size_t index = list.size();
    const auto describe_members = [&](Visitor& visitor) { list.describe_item(visitor, index); };
    list.add(*kind);
    if (members.kind != Node::Kind::map)
      fail_members(members, members_path, key_names(describe_members));
    Reader(document_, root_, members, members_path).read(describe_members);
  }

  [[noreturn]] void fail_members(const Node& node, const std::string& path,
                                 const std::vector<std::string>& known) {
    if (known.empty()) document_.fail(node, path, "takes no members; write it alone");
    document_.fail(
        node, path,
        fmt::format("{}, not a map; its members are {}", noun(node), fmt::join(known, ", ")));
  }

  [[noreturn]] void fail_unknown_kind(const Node& item, const Items& list,
                                      const std::string& path) const {
    std::vector<std::string> kinds;
    for (const Items::Kind& kind : list.kinds) kinds.emplace_back(kind.name);
    const std::string best = nearest(item.keys[0], kinds);
    document_.fail(
        item, path,
        fmt::format("unknown kind {}; {}", quote(item.keys[0]),
                    best.empty() ? fmt::format("the kinds are {}", fmt::join(kinds, ", "))
                                 : fmt::format("did you mean '{}'?", best)));
  }

  /// A near key of this level; else the same key, or a near one, of another level; else the keys of
  /// this level.
  [[noreturn]] void fail_unknown(const Node& node, const std::string& key,
                                 const std::vector<std::string>& known) const {
    const std::string quoted = quote(key);
    const std::string path =
        join_path(path_, std::string_view(quoted).substr(1, quoted.size() - 2));
    const std::string best = nearest(key, known);
    std::string advice =
        best.empty() ? elsewhere(key) : fmt::format("did you mean '{}'?", join_path(path_, best));
    if (advice.empty() && known.empty()) advice = "no keys are known here";
    if (advice.empty()) advice = fmt::format("the keys here are {}", fmt::join(known, ", "));
    document_.fail(node, path, fmt::format("unknown key; {}", advice));
  }

  std::string elsewhere(const std::string& key) const {
    std::string_view meant = key;
    for (const auto& [other, ours] : document_.kind.others) {
      if (key == other) meant = ours;
    }
    std::vector<std::string> matches;
    for (const std::string& path : all_paths(root_)) {
      if (path.substr(path.rfind('.') + 1) == meant) matches.push_back(fmt::format("'{}'", path));
    }
    const std::string here =
        "'" + path_.substr(0, path_.find('.')) + ".";  // the same section is likelier
    const auto others =
        std::partition(matches.begin(), matches.end(),
                       [&](const std::string& match) { return match.starts_with(here); });
    if (others != matches.begin()) matches.erase(others, matches.end());
    if (matches.empty() || matches.size() > 3) return {};
    return fmt::format("did you mean {}?", fmt::join(matches, " or "));
  }

  void check_kind(const Node& node, const std::string& path, const Rule& rule) const {
    if (rule.kinds.empty() || std::ranges::find(rule.kinds, *kind_) != rule.kinds.end()) return;
    const std::string kind_path = join_path(path_, kind_key_);
    document_.fail(node, path,
                   fmt::format("counts only with {} {}, and it is {}; remove one of the two",
                               kind_path, fmt::join(rule.kinds, " or "), *kind_));
  }

  const Document& document_;
  const Describe& root_;
  const Node& map_;
  std::string path_;
  const std::string* kind_ = nullptr;  // of this map, once read
  std::string_view kind_key_ = "kind";
};

}  // namespace

void read_values(const Document& document, const Describe& root) {
  Reader(document, root, document.root, "").read(root);
}

}  // namespace convoy::schema
