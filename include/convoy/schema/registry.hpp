#pragma once
// What there is of each sort of thing (optimizers, layers, formats ...), by the name that a job
// gives it. One file adds one, in Convoy, in a program or in a plugin, by a variable of namespace
// scope:
//
//   struct LionOptions { double beta1 = 0.9; double beta2 = 0.99; };
//   void describe(schema::Visitor& v, LionOptions& o) {
//     v.key("beta1", o.beta1, schema::part(), "how much of the mean goes into a step");
//     ...
//   }
//   const Registered lion(optimizers(), {{.name = "lion", .doc = "...", .options = LionOptions{}},
//                                        make_lion});
//
// The job's keys, their messages, docs/job.md, --list, and the words that servers and checkpoints
// use come from it. Not thread-safe: register before threads start.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convoy/core/error.hpp"
#include "convoy/schema/any_options.hpp"
#include "convoy/schema/schema.hpp"

#pragma GCC visibility push(default)

namespace convoy::schema {

/// What holds for jobs that use a registration: what --list says of it. Features by column are
/// refused where they do not work; a strategy's traits say the same of its other promises.
struct Guarantees {
  bool same_bits = true;  ///< the same weights whoever takes part, and after failures
  bool elastic = true;    ///< workers may come and go
  bool servers = true;    ///< works with parameter servers
  bool columns = true;    ///< works where features are partitioned by column
};

/// Options that are right by themselves and impossible together.
struct Problem {
  std::string key;   ///< the one to be changed, below the registration's section
  std::string text;  ///< what is wrong with it; what to write instead
};

struct Registration {
  std::string name;                  ///< that a job gives; a word in lower case
  std::string doc;                   ///< one line of help
  std::string bare = {};             ///< in lists: the option that a single value sets; empty: none
  AnyOptions options = NoOptions{};  ///< with their defaults
  Guarantees guarantees = {};
  /// What cannot work of such options, if anything; null: all of them go together.
  std::function<std::optional<Problem>(const AnyOptions&)> problem = nullptr;
  std::string origin =
      {};  ///< the file that it came from; empty: Convoy's own. Filled in by Registered.
};

/// One registry, of whatever it holds.
class AnyRegistry {
 public:
  /// `noun`: "optimizer"; `plural`: "optimizers", the word of --list; `key`: where a job names one.
  AnyRegistry(std::string noun, std::string plural, std::string key);
  AnyRegistry(const AnyRegistry&) = delete;
  AnyRegistry& operator=(const AnyRegistry&) = delete;

  /// In the order of their names.
  virtual std::vector<const Registration*> registrations() const = 0;
  /// Null for one that there is not.
  virtual const Registration* lookup(std::string_view name) const = 0;

  std::vector<std::string_view> names() const;
  /// For Items and Variant.
  std::vector<ItemKind> item_kinds() const;
  /// Throws InputError "KEY: there is no NOUN 'NAME'; ...".
  const Registration& need(std::string_view name) const;

  const std::string noun;
  const std::string plural;
  const std::string key;

 protected:
  ~AnyRegistry() = default;
  /// Throws InputError for names that are no words, not new, or without help.
  void check(const Registration& registration) const;
  /// `missing`: what the kind lacks ("make"); empty: nothing. Throws InputError.
  void check_whole(const Registration& registration, std::string_view missing) const;
};

/// Every registry that something was registered in, in the order of their plurals.
std::vector<const AnyRegistry*> registries();

/// `Kind` derives from Registration and adds what makes one. Where it has a `missing()`, that says
/// which of its functions is null and may not be.
template <class Kind>
class Registry final : public AnyRegistry {
 public:
  using AnyRegistry::AnyRegistry;

  /// Throws InputError.
  void add(Kind kind) {
    check(kind);
    if constexpr (requires { kind.missing(); }) check_whole(kind, kind.missing());
    std::string name = kind.name;
    kinds_.emplace(std::move(name), std::move(kind));
  }
  /// Nothing happens where there is none of this name.
  void remove(std::string_view name) {
    if (const auto found = kinds_.find(name); found != kinds_.end()) kinds_.erase(found);
  }
  /// Throws InputError for one that there is not, naming those there are.
  const Kind& get(std::string_view name) const { return static_cast<const Kind&>(need(name)); }
  const std::map<std::string, Kind, std::less<>>& all() const { return kinds_; }

  std::vector<const Registration*> registrations() const override {
    std::vector<const Registration*> all;
    for (const auto& [name, kind] : kinds_) all.push_back(&kind);
    return all;
  }
  const Registration* lookup(std::string_view name) const override {
    const auto found = kinds_.find(name);
    return found == kinds_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, Kind, std::less<>> kinds_;
};

/// The file of the program or library that `address` is in; empty: Convoy's own library.
std::string origin_of(const void* address);
/// What went wrong with variables of type Registered; whoever reads a job or loads a plugin asks.
std::vector<std::string>& registration_problems();

/// Registers what it is given when the program starts, or a plugin is loaded.
template <class Kind>
class Registered {
 public:
  Registered(Registry<Kind>& registry, Kind kind) noexcept {
    try {
      kind.origin = origin_of(this);
      registry.add(std::move(kind));
    } catch (const std::exception& error) {
      registration_problems().emplace_back(error.what());
    }
  }
};

/// One of a registry's kinds, with its options: keys beside the one that names it.
template <class Kind>
class Chosen final : public Variant {
 public:
  /// `word`: what may stand in a kind's place, without options; a nameless one: nothing.
  Chosen(const Registry<Kind>& registry, std::string& kind, AnyOptions& options,
         std::string_view kind_doc, std::string_view kind_key = "kind", const ItemKind& word = {})
      : Variant(kind, with_word(word, registry.item_kinds()), kind_doc, kind_key),
        registry_(registry),
        options_(options),
        word_(word.name) {}

  void choose(bool another) override {
    const AnyOptions own = options_of(kind_name());
    if (another || !options_.has_type_of(own)) options_ = own;
  }
  void describe_own(Visitor& visitor) override { options_.describe(visitor); }
  void describe_kind(Visitor& visitor, const ItemKind& kind) override {
    const AnyOptions options = options_of(kind.name);
    options.describe(visitor);
  }

 private:
  static std::vector<ItemKind> with_word(const ItemKind& word, std::vector<ItemKind> kinds) {
    if (!word.name.empty()) kinds.insert(kinds.begin(), word);
    return kinds;
  }
  AnyOptions options_of(std::string_view kind) const {
    if (!word_.empty() && kind == word_) return NoOptions{};
    return registry_.need(kind).options;
  }

  const Registry<Kind>& registry_;
  AnyOptions& options_;
  const std::string_view word_;
};

/// Describes the key that names a kind, and the keys that go with it. `word`: as of Chosen, such as
/// {"auto", "", "the one that fits the data"}.
template <class Kind>
void chosen(Visitor& v, const Registry<Kind>& registry, std::string& kind, AnyOptions& options,
            std::string_view doc, std::string_view key = "kind", const ItemKind& word = {}) {
  Chosen<Kind> variant(registry, kind, options, doc, key, word);
  v.visit(variant);
}

/// A list of them.
template <class Sort>  // Kind is another thing in Items
class ChosenItems final : public Items {
 public:
  ChosenItems(const Registry<Sort>& registry, std::string_view list_name,
              std::vector<OneOf>& values, const Rule& list_rule, std::string_view list_doc)
      : Items(list_name, list_rule, list_doc, registry.item_kinds()),
        registry_(registry),
        values_(values) {}

  std::size_t size() const override { return values_.size(); }
  void clear() override { values_.clear(); }
  void add(const ItemKind& kind) override {
    const Registration& one = registry_.need(kind.name);
    values_.push_back({one.name, one.options});
  }
  const std::string& kind_of(std::size_t index) const override { return values_.at(index).kind; }
  void describe_item(Visitor& visitor, std::size_t index) override {
    OneOf& item = values_.at(index);
    if (item.own.empty()) item.own = registry_.need(item.kind).options;
    item.own.describe(visitor);
  }
  void describe_kind(Visitor& visitor, const ItemKind& kind) override {
    const AnyOptions options = registry_.need(kind.name).options;
    options.describe(visitor);
  }

 private:
  const Registry<Sort>& registry_;
  std::vector<OneOf>& values_;
};

template <class Kind>
void chosen_items(Visitor& v, const Registry<Kind>& registry, std::string_view name,
                  std::vector<OneOf>& values, const Rule& rule, std::string_view doc) {
  ChosenItems<Kind> list(registry, name, values, rule, doc);
  v.visit(list);
}

}  // namespace convoy::schema

#pragma GCC visibility pop
