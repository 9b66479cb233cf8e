#pragma once
// How something that is written as YAML is described: each key's name, member, allowed values and
// meaning. Reading, printing, the reference and the suggestions are visitors of a description, so a
// new option is a member of its struct and one line in its `describe`:
//
//   struct ScaleOptions { double by = 1; };
//   void describe(convoy::schema::Visitor& v, ScaleOptions& o) {
//     v.key("by", o.by, convoy::schema::above(0), "the divisor");
//   }
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy::schema {

// Limits that no real description reaches. They keep products of a few sizes far from overflow.
inline constexpr double many = 1e9;
inline constexpr double wide = 1e6;

/// What values a key takes. For lists of numbers the range holds for each element.
struct Rule {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;
  bool high_excluded = false;
  std::vector<std::string_view> choices;  ///< text: the only values
  std::string_view word;                  ///< numbers: this word may stand for `word_value`
  double word_value = 0;
  std::string_view former;   ///< text: a choice that there was once
  std::string_view instead;  ///< what to write in its place
  bool needed = false;       ///< there is no default
  std::vector<std::string_view>
      kinds;  ///< counts only when the `kind` beside it is one of these; empty: always

  Rule or_word(std::string_view text, double value) const;
  Rule required() const;
  Rule replaces(std::string_view former_choice, std::string_view by) const;
  Rule only_for(std::vector<std::string_view> those) const;
};
Rule any();
Rule choice(std::vector<std::string_view> choices);
Rule at_least(double low);
Rule above(double low);
Rule between(double low, double high);
Rule part();  ///< from 0 to below 1

using Value = std::variant<bool*, std::int64_t*, std::uint64_t*, double*, std::string*,
                           std::vector<std::string>*, std::vector<std::int64_t>*>;

/// Words for what a key takes: "a whole number of at least 1, or full".
std::string expected(const Value& value, const Rule& rule);

class Visitor;

/// Visits the keys of something, in order.
using Describe = std::function<void(Visitor&)>;

struct Key {
  std::string_view name;
  Value value;
  const Rule& rule;
  std::string_view doc;
};

/// Keys below a key. `bare`: the member that a scalar in place of the section sets; empty: none.
struct Section {
  std::string_view name;
  std::string_view bare;
  std::string_view doc;
  Describe describe;
};

/// One kind of something that has keys of its own. `bare`: as of a section.
struct ItemKind {
  std::string_view name;
  std::string_view bare;
  std::string_view doc;
};

/// A key that names a kind (most are called `kind`), and beside it the keys that go with that kind.
/// Chosen (convoy/schema/registry.hpp) is one over a registry.
class Variant {
 public:
  Variant(std::string& kind, std::vector<ItemKind> those, std::string_view kind_doc,
          std::string_view kind_key = "kind");
  virtual ~Variant() = default;

  std::string& kind_name() { return kind_; }
  /// After the kind was read: the options become those of that kind, its defaults where it is
  /// `another` than before. Throws InputError for one that there is not.
  virtual void choose(bool another) = 0;
  /// The keys of the kind that was chosen.
  virtual void describe_own(Visitor& visitor) = 0;
  /// The keys of any kind, with defaults.
  virtual void describe_kind(Visitor& visitor, const ItemKind& kind) = 0;

  const std::vector<ItemKind> kinds;
  const std::string_view doc;
  const std::string_view key;  ///< its name: "kind"
  const Rule rule;             ///< of that key

 private:
  std::string& kind_;
};

/// A list whose items are maps of one key, the item's kind, to that kind's members (or a scalar:
/// its `bare` member). ChosenItems (convoy/schema/registry.hpp) is one over a registry.
class Items {
 public:
  using Kind = ItemKind;

  Items(std::string_view list_name, const Rule& list_rule, std::string_view list_doc,
        std::vector<Kind> list_kinds)
      : name(list_name), rule(list_rule), doc(list_doc), kinds(std::move(list_kinds)) {}
  virtual ~Items() = default;
  virtual std::size_t size() const = 0;
  virtual void clear() = 0;
  virtual void add(const Kind& kind) = 0;
  virtual const std::string& kind_of(std::size_t index) const = 0;
  virtual void describe_item(Visitor& visitor, std::size_t index) = 0;
  /// The members of a kind, on an item with defaults.
  virtual void describe_kind(Visitor& visitor, const Kind& kind) = 0;

  const Kind* find_kind(std::string_view kind_name) const;

  const std::string_view name;
  const Rule& rule;
  const std::string_view doc;
  const std::vector<Kind> kinds;
};

class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void visit(const Key& key) = 0;
  virtual void visit(const Section& section) = 0;
  virtual void visit(Items& items) = 0;
  /// The kind as a key, then the keys of that kind.
  virtual void visit(Variant& variant);

  template <class T>
  void key(std::string_view name, T& value, const Rule& rule, std::string_view doc) {
    visit(Key{name, &value, rule, doc});
  }
  /// `describe(Visitor&, T&)` is found beside T or in this namespace.
  template <class T>
  void section(std::string_view name, T& value, std::string_view bare, std::string_view doc) {
    visit(Section{name, bare, doc, [&value](Visitor& visitor) { describe(visitor, value); }});
  }
};

/// The names of the keys, sections and lists that `level` visits, without what is below them.
std::vector<std::string> key_names(const Describe& level);

/// The full paths ("train.optimizer.rate") of every key, section and list below `root`.
std::vector<std::string> all_paths(const Describe& root);

}  // namespace convoy::schema

#pragma GCC visibility pop
