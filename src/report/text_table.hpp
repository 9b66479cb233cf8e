#pragma once
// Tables on the terminal.
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// Cells in columns as wide as they need, two blanks apart. `alignment`: 'l' or 'r' a column.
/// Columns whose cells are all empty but for the first row's are left out.
class TextTable {
 public:
  explicit TextTable(std::string_view alignment) : alignment_(alignment) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  /// With `indent` before each line.
  std::string text(std::string_view indent) const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

/// UTF-8 text cut to `width` characters, control characters replaced.
std::string clipped(const std::string& text, std::size_t width);

/// Bars of counts, one character each, the largest the tallest; nothing is a blank.
std::string bar_line(const std::vector<double>& counts, bool utf8);

}  // namespace convoy
