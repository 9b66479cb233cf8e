#include "schema/json.hpp"

#include <algorithm>

namespace convoy::schema {
namespace {

using Json = nlohmann::ordered_json;

class JsonWriter final : public Visitor {
 public:
  void visit(const Key& key) override {
    std::visit([&](const auto* member) { json[std::string(key.name)] = *member; }, key.value);
  }
  void visit(const Section& section) override {
    json[std::string(section.name)] = to_json(section.describe);
  }
  void visit(Items& list) override {
    Json items = Json::array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Json members = to_json([&](Visitor& visitor) { list.describe_item(visitor, i); });
      items.push_back({{list.kind_of(i), members}});
    }
    json[std::string(list.name)] = std::move(items);
  }

  Json json = Json::object();
};

class JsonReader final : public Visitor {
 public:
  explicit JsonReader(const Json& json) : json_(json) {}

  void visit(const Key& key) override {
    std::visit([&](auto* member) { next(key.name).get_to(*member); }, key.value);
  }
  void visit(const Section& section) override { from_json(next(section.name), section.describe); }
  void visit(Items& list) override {
    list.clear();
    for (const Json& item : next(list.name)) {
      if (item.size() != 1) throw unknown(item.dump());
      const std::string& name = item.begin().key();
      const Items::Kind* const kind = list.find_kind(name);
      if (kind == nullptr) throw unknown(name);
      list.add(*kind);
      const std::size_t index = list.size() - 1;
      from_json(item.begin().value(),
                [&](Visitor& visitor) { list.describe_item(visitor, index); });
    }
  }
  void visit(Variant& variant) override {
    const Json& kind = next(variant.key);
    const auto is_it = [&](const ItemKind& one) { return kind == one.name; };
    if (std::ranges::none_of(variant.kinds, is_it)) throw unknown(kind.dump());
    Visitor::visit(variant);
  }
  void require_all_read() const {
    for (const auto& [name, value] : json_.items()) {
      if (std::find(read_.begin(), read_.end(), name) == read_.end()) throw unknown(name);
    }
  }

 private:
  static Json::exception unknown(const std::string& name) {
    return Json::other_error::create(501, "there is no option " + name, nullptr);
  }
  const Json& next(std::string_view name) {
    read_.emplace_back(name);
    return json_.at(read_.back());
  }

  const Json& json_;
  std::vector<std::string> read_;
};

}  // namespace

Json to_json(const Describe& root) {
  JsonWriter writer;
  root(writer);
  return std::move(writer.json);
}

void from_json(const Json& json, const Describe& root) {
  JsonReader reader(json);
  root(reader);
  reader.require_all_read();
}

void add_flat(Json& into, const std::string& path, const Json& options) {
  for (const auto& [name, value] : options.items()) {
    if (value.is_object()) {
      add_flat(into, path + name + ".", value);
    } else {
      into[path + name] = value;
    }
  }
}

}  // namespace convoy::schema
