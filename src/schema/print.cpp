#include "schema/print.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "schema/value_text.hpp"

namespace convoy::schema {
namespace {

/// Lines of YAML: `key: value`, sections indented, one line for each list item.
class Printer final : public Visitor {
 public:
  explicit Printer(std::size_t indent = 0) : indent_(indent) {}

  void visit(const Key& key) override { line(key.name, value_text(key.value, key.rule)); }

  void visit(const Section& section) override {
    line(section.name, "");
    Printer inner(indent_ + 2);
    section.describe(inner);
    text_ += inner.text_;
  }

  void visit(Items& list) override;

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view name, std::string_view value) {
    text_ += fmt::format("{:{}}{}:{}{}\n", "", indent_, name, value.empty() ? "" : " ", value);
  }

  std::size_t indent_;
  std::string text_;
};

/// The members of a list item on one line: {channels: 32, kernel: 3}.
class FlowPrinter final : public Visitor {
 public:
  void visit(const Key& key) override { add(key.name, value_text(key.value, key.rule)); }
  void visit(const Section& section) override {
    FlowPrinter inner;
    section.describe(inner);
    add(section.name, inner.map());
  }
  void visit(Items& list) override {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < list.size(); ++i) {
      FlowPrinter inner;
      list.describe_item(inner, i);
      items.push_back(fmt::format("{{{}: {}}}", list.kind_of(i), inner.map()));
    }
    add(list.name, fmt::format("[{}]", fmt::join(items, ", ")));
  }
  std::string take() const { return members_.empty() ? "" : ": " + map(); }

 private:
  void add(std::string_view name, const std::string& text) {
    members_.push_back(fmt::format("{}: {}", name, text));
  }
  std::string map() const { return fmt::format("{{{}}}", fmt::join(members_, ", ")); }

  std::vector<std::string> members_;
};

void Printer::visit(Items& list) {
  line(list.name, list.size() == 0 ? "[]" : "");
  for (std::size_t i = 0; i < list.size(); ++i) {
    FlowPrinter members;
    list.describe_item(members, i);
    text_ += fmt::format("{:{}}- {}{}\n", "", indent_ + 2, list.kind_of(i), members.take());
  }
}

}  // namespace

std::string print(const Describe& root) {
  Printer printer;
  root(printer);
  return printer.take();
}

}  // namespace convoy::schema
