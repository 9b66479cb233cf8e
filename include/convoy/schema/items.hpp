#pragma once
// Lists whose items are of different kinds, such as steps and layers, as values of one struct whose
// member `kind` is the YAML key of the item.
#include <string_view>
#include <utility>
#include <vector>

#include "convoy/schema/schema.hpp"

#pragma GCC visibility push(default)

namespace convoy::schema {

/// One kind of item, and its keys.
template <class T>
struct KindOf {
  Items::Kind kind;
  std::function<void(Visitor&, T&)> describe;
};

template <class T>
std::vector<Items::Kind> kinds_of(const std::vector<KindOf<T>>& table) {
  std::vector<Items::Kind> kinds;
  for (const KindOf<T>& entry : table) kinds.push_back(entry.kind);
  return kinds;
}

template <class T>
class ItemsOf final : public Items {
 public:
  ItemsOf(std::string_view list_name, std::vector<T>& values, std::vector<KindOf<T>> table,
          const Rule& list_rule, std::string_view list_doc)
      : Items(list_name, list_rule, list_doc, kinds_of(table)),
        values_(values),
        table_(std::move(table)) {}

  std::size_t size() const override { return values_.size(); }
  void clear() override { values_.clear(); }
  void add(const Kind& kind) override { values_.emplace_back().kind = kind.name; }
  const std::string& kind_of(std::size_t index) const override { return values_.at(index).kind; }
  void describe_item(Visitor& visitor, std::size_t index) override {
    describe_value(visitor, values_.at(index), values_.at(index).kind);
  }
  void describe_kind(Visitor& visitor, const Kind& kind) override {
    T value;
    describe_value(visitor, value, kind.name);
  }

 private:
  void describe_value(Visitor& visitor, T& value, std::string_view kind) {
    for (const KindOf<T>& entry : table_) {
      if (entry.kind.name == kind) entry.describe(visitor, value);
    }
  }

  std::vector<T>& values_;
  const std::vector<KindOf<T>> table_;
};

template <class T>
void items(Visitor& v, std::string_view name, std::vector<T>& values, std::vector<KindOf<T>> table,
           const Rule& rule, std::string_view doc) {
  ItemsOf<T> list(name, values, std::move(table), rule, doc);
  v.visit(list);
}

}  // namespace convoy::schema

#pragma GCC visibility pop
