#include "report/registry_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "convoy/core/error.hpp"
#include "convoy/schema/registry.hpp"
#include "report/text_table.hpp"
#include "schema/quote.hpp"
#include "schema/suggest.hpp"
#include "schema/value_text.hpp"

namespace convoy {
namespace {

using schema::AnyRegistry;
using schema::Registration;

/// A row for each option: its name, default, what it takes, what it is.
class OptionRows final : public schema::Visitor {
 public:
  OptionRows(TextTable& table, std::string path) : table_(table), path_(std::move(path)) {}

  void visit(const schema::Key& key) override {
    const std::string value = key.rule.needed ? "needed" : schema::value_text(key.value, key.rule);
    table_.add({path_ + std::string(key.name), value, schema::expected(key.value, key.rule),
                std::string(key.doc)});
  }
  void visit(const schema::Section& section) override {
    OptionRows rows(table_, path_ + std::string(section.name) + ".");
    section.describe(rows);
  }
  void visit(schema::Items& items) override {
    table_.add({path_ + std::string(items.name), "[]", "a list", std::string(items.doc)});
  }

 private:
  TextTable& table_;
  const std::string path_;
};

std::string guarantees_text(const schema::Guarantees& holds) {
  std::vector<std::string> words;
  const auto add = [&words](bool one, const char* text) {
    if (one) words.emplace_back(text);
  };
  add(holds.same_bits, "the same bits whoever takes part");
  add(holds.elastic, "elastic jobs");
  add(holds.servers, "parameter servers");
  add(holds.columns, "features by column");
  return words.empty() ? "one process" : fmt::format("{}", fmt::join(words, ", "));
}

std::string kind_text(const Registration& one) {
  std::string text =
      fmt::format("\n{}: {}\n  good for  {}\n  from      {}\n", one.name, one.doc,
                  guarantees_text(one.guarantees), one.origin.empty() ? "Convoy" : one.origin);
  TextTable options("llll");
  options.add({"option", "default", "values", "what it is"});
  OptionRows rows(options, "");
  one.options.describe(rows);
  const std::string table = options.text("  ");
  if (table.find('\n') + 1 < table.size()) text += table;  // more than its head
  if (!one.bare.empty()) text += fmt::format("  a single value in a list sets {}\n", one.bare);
  return text;
}

const AnyRegistry& registry_of(std::string_view sort) {
  std::vector<std::string> words;
  for (const AnyRegistry* registry : schema::registries()) {
    if (sort == registry->plural || sort == registry->noun) return *registry;
    words.push_back(registry->plural);
  }
  const std::string best = schema::nearest(sort, words);
  throw InputError(fmt::format("--list: {} is no sort of what there is; {}", schema::quote(sort),
                               best.empty() ? fmt::format("there are {}", fmt::join(words, ", "))
                                            : fmt::format("did you mean '{}'?", best)));
}

}  // namespace

std::string list_sorts() {
  TextTable table("lll");
  table.add({"sort", "a job names one at", "there are"});
  for (const AnyRegistry* registry : schema::registries()) {
    table.add(
        {registry->plural, registry->key, fmt::format("{}", fmt::join(registry->names(), ", "))});
  }
  return table.text("") + "\nconvoy --list SORT says what each is, and its options\n";
}

std::string list_kinds(std::string_view sort) {
  const AnyRegistry& registry = registry_of(sort);
  std::string text = fmt::format("{} ({})\n", registry.plural, registry.key);
  for (const Registration* one : registry.registrations()) text += kind_text(*one);
  return text;
}

}  // namespace convoy
