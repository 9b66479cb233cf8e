#include "convoy/schema/registry.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "schema/quote.hpp"
#include "schema/suggest.hpp"

namespace convoy::schema {
namespace {

std::vector<const AnyRegistry*>& known() {
  static std::vector<const AnyRegistry*> all;
  return all;
}

bool is_word(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string file_of(const void* address) {
  Dl_info info{};
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

}  // namespace

AnyRegistry::AnyRegistry(std::string its_noun, std::string its_plural, std::string its_key)
    : noun(std::move(its_noun)), plural(std::move(its_plural)), key(std::move(its_key)) {
  known().push_back(this);
}

std::vector<std::string_view> AnyRegistry::names() const {
  std::vector<std::string_view> names;
  for (const Registration* one : registrations()) names.emplace_back(one->name);
  return names;
}

std::vector<ItemKind> AnyRegistry::item_kinds() const {
  std::vector<ItemKind> kinds;
  for (const Registration* one : registrations()) kinds.push_back({one->name, one->bare, one->doc});
  return kinds;
}

const Registration& AnyRegistry::need(std::string_view name) const {
  if (const Registration* found = lookup(name)) return *found;
  std::vector<std::string> there;
  for (const std::string_view one : names()) there.emplace_back(one);
  const std::string best = nearest(name, there);
  throw InputError(fmt::format(
      "{}: there is no {} {}; {}", key, noun, quote(name),
      best.empty() ? fmt::format("the {} are {}", plural, fmt::join(there, ", "))
                   : fmt::format("did you mean '{}'?", best)));
}

void AnyRegistry::check(const Registration& registration) const {
  const std::string what = fmt::format("{} {}", noun, quote(registration.name));
  if (!is_word(registration.name)) {
    throw InputError(fmt::format(
        "{}: a name has letters a to z, digits, '_' and '-' only; register it by such a one", what));
  }
  if (registration.doc.empty())
    throw InputError(fmt::format("{}: has no line of help; write what it is as `doc`", what));
  if (const Registration* other = lookup(registration.name)) {
    throw InputError(fmt::format("{}: there is one already, {}; choose another name", what,
                                 other->origin.empty() ? "Convoy's own" : "from " + other->origin));
  }
}

void AnyRegistry::check_whole(const Registration& registration, std::string_view missing) const {
  if (missing.empty()) return;
  throw InputError(fmt::format("{} {}: has no {}; give it one", noun, quote(registration.name),
                               missing));
}

std::vector<const AnyRegistry*> registries() {
  std::vector<const AnyRegistry*> all = known();
  std::ranges::sort(all, {}, [](const AnyRegistry* one) { return one->plural; });
  return all;
}

std::string origin_of(const void* address) {
  static const int own = 0;
  const std::string file = file_of(address);
  return file == file_of(&own) ? "" : file;
}

std::vector<std::string>& registration_problems() {
  static std::vector<std::string> problems;
  return problems;
}

namespace {

std::vector<std::string_view> names_of(const std::vector<ItemKind>& kinds) {
  std::vector<std::string_view> names;
  for (const ItemKind& kind : kinds) names.push_back(kind.name);
  return names;
}

}  // namespace

Variant::Variant(std::string& kind, std::vector<ItemKind> those, std::string_view kind_doc,
                 std::string_view kind_key)
    : kinds(std::move(those)),
      doc(kind_doc),
      key(kind_key),
      rule(choice(names_of(kinds))),
      kind_(kind) {}

void Visitor::visit(Variant& variant) {
  const std::string before = variant.kind_name();
  visit(Key{variant.key, &variant.kind_name(), variant.rule, variant.doc});
  variant.choose(variant.kind_name() != before);
  variant.describe_own(*this);
}

}  // namespace convoy::schema
