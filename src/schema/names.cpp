// Declared in convoy/schema/schema.hpp.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "convoy/schema/schema.hpp"

namespace convoy::schema {
namespace {

/// Collects names; with `deep`, full paths of everything.
class Names final : public Visitor {
 public:
  explicit Names(bool deep) : deep_(deep) {}
  void visit(const Key& key) override { add(key.name); }
  void visit(Items& items) override { add(items.name); }
  void visit(Variant& variant) override {
    add(variant.key);
    for (const ItemKind& kind : variant.kinds) variant.describe_kind(*this, kind);
  }
  void visit(const Section& section) override {
    add(section.name);
    if (!deep_) return;
    const std::string outer = std::exchange(prefix_, prefix_ + std::string(section.name) + ".");
    section.describe(*this);
    prefix_ = outer;
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  void add(std::string_view name) {
    std::string path = prefix_ + std::string(name);
    if (std::ranges::find(names_, path) == names_.end()) names_.push_back(std::move(path));
  }

  bool deep_;
  std::string prefix_;
  std::vector<std::string> names_;
};

}  // namespace

const Items::Kind* Items::find_kind(std::string_view kind_name) const {
  for (const Kind& kind : kinds) {
    if (kind.name == kind_name) return &kind;
  }
  return nullptr;
}

std::vector<std::string> key_names(const Describe& level) {
  Names names(false);
  level(names);
  return names.take();
}

std::vector<std::string> all_paths(const Describe& root) {
  Names names(true);
  root(names);
  return names.take();
}

}  // namespace convoy::schema
