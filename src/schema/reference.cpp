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
  struct Row {
    std::string row;    ///< without its end
    std::string below;  ///< the table of what is below the key; empty: nothing
    std::vector<std::string_view> kinds;
  };

  /// `path`: of the section that the Variant is in, with a dot at its end.
  KindRows(Variant& variant, const std::string& path) : path_(path) {
    for (const ItemKind& kind : variant.kinds) {
      kind_ = kind.name;
      variant.describe_kind(*this, kind);
    }
  }
  void visit(const Key& key) override { add(row_of(key), ""); }
  void visit(const Section& section) override;
  void visit(Items& list) override;
  const std::vector<Row>& rows() const { return rows_; }

 private:
  void add(std::string row, std::string below) {
    for (Row& one : rows_) {
      if (one.row == row && one.below == below) return one.kinds.push_back(kind_);
    }
    rows_.push_back({std::move(row), std::move(below), {kind_}});
  }

  const std::string& path_;
  std::string_view kind_;
  std::vector<Row> rows_;
};

/// One table of a section's keys; what is below them follows with headings of its own.
class Reference final : public Visitor {
 public:
  explicit Reference(std::string path) : path_(std::move(path)) {}

  void visit(const Key& key) override {
    rows_ += fmt::format("{}{} |\n", row_of(key), kinds_note(key.rule.kinds));
  }

  void visit(const Section& section) override {
    rows_ += row_of_section(section) + " |\n";
    describe_section(section);
  }

  void visit(Items& list) override {
    rows_ += fmt::format("{}{} |\n", row_of_list(list), kinds_note(list.rule.kinds));
    describe_list(list);
  }

  void visit(Variant& variant) override {
    visit(Key{variant.key, &variant.kind_name(), variant.rule, variant.doc});
    const KindRows own(variant, path_);
    for (const KindRows::Row& one : own.rows())
      rows_ += fmt::format("{}{} |\n", one.row, kinds_note(one.kinds));
    describe_kinds(variant);
    for (const KindRows::Row& one : own.rows()) below_ += one.below;
  }

  std::string take() const { return std::string(table_head) + rows_ + below_; }

  /// For KindRows, which has them with the kinds they are of.
  std::string row_of_section(const Section& section) const {
    return fmt::format("| `{}` | [section](#{}) | | {}", section.name,
                       anchor(path_ + std::string(section.name)), cell(section.doc));
  }
  std::string row_of_list(const Items& list) const {
    return fmt::format("| `{}` | [list](#{}) | `[]` | {}", list.name,
                       anchor(path_ + std::string(list.name)), cell(list.doc));
  }
  void describe_section(const Section& section) {
    const std::string path = path_ + std::string(section.name);
    below_ +=
        fmt::format("\n## `{}`\n\n{}{}\n\n", path, sentence(section.doc), short_form(section));
    Reference inner(path + '.');
    section.describe(inner);
    below_ += inner.take();
  }
  void describe_list(Items& list) {
    const std::string path = path_ + std::string(list.name);
    below_ += fmt::format("\n## `{}`\n\n{}\n", path, sentence(list.doc));
    below_ +=
        "Each item is a kind, alone or with members: `- kind`, `- kind: {member: value}`.\n\n";
    below_ += "| Item | Member | Values | Default | Meaning |\n| --- | --- | --- | --- | --- |\n";
    for (const Items::Kind& kind : list.kinds) describe_kind(list, kind);
  }
  const std::string& below() const { return below_; }

 private:
  void describe_kinds(const Variant& variant) {
    if (std::ranges::all_of(variant.kinds, [](const ItemKind& kind) { return kind.doc.empty(); }))
      return;
    below_ += "\n| Kind | What it is |\n| --- | --- |\n";
    for (const ItemKind& kind : variant.kinds)
      below_ += fmt::format("| `{}` | {} |\n", kind.name, cell(kind.doc));
  }

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
    void visit(const Section& section) override {
      rows.push_back(
          fmt::format("| | `{}` | keys of its own | | {} |\n", section.name, cell(section.doc)));
    }
    void visit(Items& list) override {
      rows.push_back(
          fmt::format("| | `{}` | a list of items | `[]` | {} |\n", list.name, cell(list.doc)));
    }
    std::vector<std::string> rows;
  };

  std::string path_;
  std::string rows_;
  std::string below_;
  Members members_;
};

void KindRows::visit(const Section& section) {
  Reference tables(path_);
  tables.describe_section(section);
  add(tables.row_of_section(section), tables.below());
}

void KindRows::visit(Items& list) {
  Reference tables(path_);
  tables.describe_list(list);
  add(tables.row_of_list(list), tables.below());
}

}  // namespace

std::string reference(const Describe& root) {
  Reference tables("");
  root(tables);
  return tables.take();
}

}  // namespace convoy::schema
