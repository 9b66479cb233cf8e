#include "schema/reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>

#include "schema/value_text.hpp"

namespace convoy::schema {
namespace {

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string sentence(std::string_view doc) {
  std::string text(doc);
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + '.';
}

std::string kinds_note(const Rule& rule) {
  return rule.kinds.empty() ? "" : fmt::format(" (kind {} only)", fmt::join(rule.kinds, ", "));
}

std::string default_of(const Key& key) {
  return key.rule.needed ? "none: must be given"
                         : fmt::format("`{}`", cell(value_text(key.value, key.rule)));
}

constexpr std::string_view table_head =
    "| Key | Values | Default | Meaning |\n| --- | --- | --- | --- |\n";

/// One table of a section's keys; what is below them follows with headings of its own.
class Reference final : public Visitor {
 public:
  explicit Reference(std::string path) : path_(std::move(path)) {}

  void visit(const Key& key) override {
    rows_ +=
        fmt::format("| `{}` | {} | {} | {}{} |\n", key.name, cell(expected(key.value, key.rule)),
                    default_of(key), cell(key.doc), kinds_note(key.rule));
  }

  void visit(const Section& section) override {
    const std::string path = path_ + std::string(section.name);
    rows_ += fmt::format("| `{}` | [section](#{}) | | {} |\n", section.name, anchor(path),
                         cell(section.doc));
    below_ +=
        fmt::format("\n## `{}`\n\n{}{}\n\n", path, sentence(section.doc), short_form(section));
    Reference inner(path + '.');
    section.describe(inner);
    below_ += inner.take();
  }

  void visit(Items& list) override {
    const std::string path = path_ + std::string(list.name);
    rows_ += fmt::format("| `{}` | [list](#{}) | `[]` | {}{} |\n", list.name, anchor(path),
                         cell(list.doc), kinds_note(list.rule));
    below_ += fmt::format("\n## `{}`\n\n{}\n", path, sentence(list.doc));
    below_ +=
        "Each item is a kind, alone or with members: `- kind`, `- kind: {member: value}`.\n\n";
    below_ += "| Item | Member | Values | Default | Meaning |\n| --- | --- | --- | --- | --- |\n";
    for (const Items::Kind& kind : list.kinds) describe_kind(list, kind);
  }

  std::string take() const { return std::string(table_head) + rows_ + below_; }

 private:
  /// Where Markdown renderers put the heading.
  static std::string anchor(std::string_view path) {
    std::string text;
    for (const char c : path) {
      if (c != '.') text += c;
    }
    return text;
  }

  static std::string short_form(const Section& section) {
    if (section.bare.empty()) return {};
    return fmt::format(" A single value in its place sets `{}`.", section.bare);
  }

  void describe_kind(Items& list, const Items::Kind& kind) {
    below_ += fmt::format("| `{}` | | | | {} |\n", kind.name, cell(kind.doc));
    list.describe_kind(members_, kind);
    for (const std::string& row : members_.rows) below_ += row;
    if (!kind.bare.empty()) {
      below_ += fmt::format("| | | | | `{}: VALUE` sets `{}` |\n", kind.name, kind.bare);
    }
    members_.rows.clear();
  }

  struct Members final : Visitor {
    void visit(const Key& key) override {
      rows.push_back(fmt::format("| | `{}` | {} | {} | {} |\n", key.name,
                                 cell(expected(key.value, key.rule)), default_of(key),
                                 cell(key.doc)));
    }
    void visit(const Section&) override {}
    void visit(Items&) override {}
    std::vector<std::string> rows;
  };

  std::string path_;
  std::string rows_;
  std::string below_;
  Members members_;
};

}  // namespace

std::string reference(const Describe& root) {
  Reference tables("");
  root(tables);
  return tables.take();
}

}  // namespace convoy::schema
