// Declared in schema/document.hpp.
#include "schema/document.hpp"

namespace convoy::schema {
namespace {

/// Puts `node` below `key` of a new map in its place.
void wrap(Node& node, std::string_view key) {
  Node map;
  map.kind = Node::Kind::map;
  map.line = node.line;
  map.override_index = node.override_index;
  map.add(std::string(key), std::move(node));
  node = std::move(map);
}

void become_map(Node& node) {
  node.kind = Node::Kind::map;
  node.text.clear();
}

void expand_item(Node& item, Items& list) {
  if (item.kind == Node::Kind::scalar) {  // relu
    Node members;
    members.line = item.line;
    members.override_index = item.override_index;
    std::string kind = std::move(item.text);
    become_map(item);
    item.add(std::move(kind), std::move(members));
  }
  if (item.kind != Node::Kind::map) return;
  for (std::size_t i = 0; i < item.items.size(); ++i) {
    Node& members = item.items[i];
    const Items::Kind* kind = list.find_kind(item.keys[i]);
    if (members.kind == Node::Kind::null) {
      become_map(members);
    } else if (kind != nullptr && !kind->bare.empty() && members.kind != Node::Kind::map) {
      wrap(members, kind->bare);
    }
    if (kind != nullptr)
      expand_short_forms(members, [&](Visitor& visitor) { list.describe_kind(visitor, *kind); });
  }
}

class Expander final : public Visitor {
 public:
  explicit Expander(Node& map) : map_(map) {}
  void visit(const Key&) override {}
  void visit(const Section& section) override {
    Node* node = map_.find(section.name);
    if (node == nullptr) return;
    if (node->kind == Node::Kind::null) become_map(*node);
    if (node->kind == Node::Kind::scalar && !section.bare.empty()) wrap(*node, section.bare);
    Expander inner(*node);
    section.describe(inner);
  }
  void visit(Items& list) override {
    Node* node = map_.find(list.name);
    if (node == nullptr || node->kind != Node::Kind::list) return;
    for (Node& item : node->items) expand_item(item, list);
  }
  void visit(Variant& variant) override {
    for (const ItemKind& kind : variant.kinds) variant.describe_kind(*this, kind);
  }

 private:
  Node& map_;
};

}  // namespace

void expand_short_forms(Node& tree, const Describe& root) {
  Expander expander(tree);
  root(expander);
}

}  // namespace convoy::schema
