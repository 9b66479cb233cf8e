#include "report/text_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "report/event_text.hpp"

namespace convoy {
namespace {

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

std::size_t characters_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

}  // namespace

std::string TextTable::text(std::string_view indent) const {
  std::vector<std::size_t> widths(alignment_.size());
  std::vector<bool> used(alignment_.size());
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t c = 0; c < rows_[r].size(); ++c) {
      widths[c] = std::max(widths[c], characters_of(rows_[r][c]));
      if (r > 0 && !rows_[r][c].empty()) used[c] = true;
    }
  }
  std::string out;
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (!used[c]) continue;
      const std::string blanks(widths[c] - characters_of(row[c]), ' ');
      line += line.empty() ? "" : "  ";
      line += alignment_[c] == 'r' ? blanks + row[c] : row[c] + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += std::string(indent) + line + '\n';
  }
  return out;
}

std::string clipped(const std::string& text, std::size_t width) {
  std::string out = printable(text);
  if (characters_of(out) <= width) return out;
  std::size_t end = 0;
  for (std::size_t left = width - 2; end < out.size(); ++end) {
    if (begins_character(out[end]) && left-- == 0) break;
  }
  return out.substr(0, end) + "..";
}

std::string bar_line(const std::vector<double>& counts, bool utf8) {
  static constexpr std::array blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr std::array plain = {".", ":", "-", "=", "+", "*", "#", "@"};
  const double most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  std::string line;
  for (const double count : counts) {
    if (count <= 0) {
      line += ' ';
      continue;
    }
    const auto level = static_cast<std::size_t>(std::ceil(count / most * 8)) - 1;
    line += utf8 ? blocks[std::min<std::size_t>(level, 7)] : plain[std::min<std::size_t>(level, 7)];
  }
  return line;
}

}  // namespace convoy
