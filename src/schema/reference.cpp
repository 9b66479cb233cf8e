#include "schema/reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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

std::string kinds_note(const std::vector<std::string_view>& kinds) {
  return kinds.empty() ? "" : fmt::format(" (kind {} only)", fmt::join(kinds, ", "));
}

std::string default_of(const Key& key) {
  return key.rule.needed ? "none: must be given"
                         : fmt::format("`{}`", cell(value_text(key.value, key.rule)));
}

constexpr std::string_view table_head =
    "| Key | Values | Default | Meaning |\n| --- | --- | --- | --- |\n";

/// The row of a key, without its end.
std::string row_of(const Key& key) {
  return fmt::format("| `{}` | {} | {} | {}", key.name, cell(expected(key.value, key.rule)),
                     default_of(key), cell(key.doc));
}

/// The keys of the kinds of a Variant; those that several kinds have in the same way are one row.
class KindRows final : public Visitor {
 public:
  explicit KindRows(Variant& variant) {
    for (const ItemKind& kind : variant.kinds) {
      kind_ = kind.name;
      variant.describe_kind(*this, kind);
    }
  }
  void visit(const Key& key) override {
    const std::string row = row_of(key);
    const auto same =
        std::ranges::find(rows_, row, [](const auto& one) -> const std::string& { return one.first; });
    if (same == rows_.end()) {
      rows_.push_back({row, {kind_}});
    } else {
      same->second.push_back(kind_);
    }
  }
  void visit(const Section&) override {}
  void visit(Items&) override {}
  std::string take() const {
    std::string text;
    for (const auto& [row, kinds] : rows_) text += fmt::format("{}{} |\n", row, kinds_note(kinds));
    return text;
  }

 private:
  std::string_view kind_;
  std::vector<std::pair<std::string, std::vector<std::string_view>>> rows_;
};

/// One table of a section's keys; what is below them follows with headings of its own.
class Reference final : public Visitor {
 public:
  explicit Reference(std::string path) : path_(std::move(path)) {}

  void visit(const Key& key) override {
    rows_ += fmt::format("{}{} |\n", row_of(key), kinds_note(key.rule.kinds));
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
                         cell(list.doc), kinds_note(list.rule.kinds));
    below_ += fmt::format("\n## `{}`\n\n{}\n", path, sentence(list.doc));
    below_ +=
        "Each item is a kind, alone or with members: `- kind`, `- kind: {member: value}`.\n\n";
    below_ += "| Item | Member | Values | Default | Meaning |\n| --- | --- | --- | --- | --- |\n";
    for (const Items::Kind& kind : list.kinds) describe_kind(list, kind);
  }

  void visit(Variant& variant) override {
    visit(Key{"kind", &variant.kind_name(), variant.rule, variant.doc});
    rows_ += KindRows(variant).take();
    if (std::ranges::all_of(variant.kinds, [](const ItemKind& kind) { return kind.doc.empty(); }))
      return;
    below_ += "\n| Kind | What it is |\n| --- | --- |\n";
    for (const ItemKind& kind : variant.kinds)
      below_ += fmt::format("| `{}` | {} |\n", kind.name, cell(kind.doc));
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
