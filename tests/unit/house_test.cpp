// The house (docs/design.md, "Folders"): a file includes what is in its own folder or in one that
// stands further down the table, and only strategies know the strategies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "convoy/core/file.hpp"
#include "convoy/strategies/registry.hpp"
#include "paths.hpp"

namespace convoy {
namespace house_test {

namespace fs = std::filesystem;
using Arrow = std::pair<std::string, std::string>;  // from a folder to another

std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> lines;
  std::istringstream text(read_text_file(file));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

/// The table: each folder's row, from the top. Folders in one row do not know each other.
std::map<std::string, int> rows_of_the_house() {
  std::map<std::string, int> rows;
  const std::regex folder("`([a-z_/]+)(?:/|\\.\\*)`");
  bool found = false;
  int row = 0;
  for (const std::string& line : lines_of(fs::path(testing::source_folder()) / "docs/design.md")) {
    if (line == "## Folders") found = true;
    if (!found) continue;
    if (!line.starts_with("|")) {
      if (!rows.empty()) break;
      continue;
    }
    const std::string cell = line.substr(0, line.find('|', 1));
    for (std::sregex_iterator at(cell.begin(), cell.end(), folder), end; at != end; ++at)
      rows[(*at)[1].str()] = row;
    ++row;
  }
  return rows;
}

/// The row of the table that a path is in: "data/formats" for "data/formats/csv.cpp", "data/load"
/// for "data/load.hpp", "data" for "data/options.cpp".
std::string folder_of(const std::string& path, const std::map<std::string, int>& rows) {
  for (fs::path folder = fs::path(path).replace_extension(); !folder.empty();
       folder = folder.parent_path()) {
    if (rows.contains(folder.string())) return folder.string();
  }
  return "";
}

struct Include {
  std::string file;  // from the checkout on
  int line = 0;
  std::string from;  // below src/ or include/convoy/
  std::string name;  // as the file has it
  std::string to;    // below src/ or include/convoy/; empty: a header of somebody else's

  bool is_public() const { return name.starts_with("convoy/"); }
  std::string text() const { return file + ":" + std::to_string(line) + ": " + name; }
};

/// All includes of our own headers in src/ or in include/convoy/.
std::vector<Include> includes_below(const std::string& root) {
  const fs::path checkout = testing::source_folder();
  const std::regex directive("\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"].*");
  std::vector<Include> includes;
  for (const auto& entry : fs::recursive_directory_iterator(checkout / root)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".hpp" && path.extension() != ".cpp") continue;
    int number = 0;
    for (const std::string& line : lines_of(path)) {
      ++number;
      std::smatch match;
      if (line.find("#include") == line.npos || !std::regex_match(line, match, directive)) continue;
      Include include{path.lexically_relative(checkout).string(), number,
                      path.lexically_relative(checkout / root).string(), match[2], ""};
      if (include.is_public())
        include.to = include.name.substr(7);
      else if (match[1] == "\"" || fs::exists(checkout / "src" / include.name))
        include.to = include.name;
      if (!include.to.empty()) includes.push_back(std::move(include));
    }
  }
  return includes;
}

TEST(House, EveryFolderHasARow) {
  const auto rows = rows_of_the_house();
  ASSERT_FALSE(rows.empty()) << "docs/design.md has no table below ## Folders";
  for (const char* root : {"src", "include/convoy"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(testing::source_folder()) / root)) {
      if (entry.path().filename() == "plugin.hpp") continue;  // what every plugin begins with
      EXPECT_TRUE(entry.is_directory()) << entry.path() << ": files belong into a folder";
      EXPECT_TRUE(rows.contains(entry.path().filename())) << entry.path() << ": which row is it?";
    }
  }
}

TEST(House, EveryFolderOfDataHasARow) {
  const auto rows = rows_of_the_house();
  for (const char* root : {"src/data", "include/convoy/data"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(testing::source_folder()) / root)) {
      if (!entry.is_directory()) continue;
      EXPECT_TRUE(rows.contains("data/" + entry.path().filename().string())) << entry.path();
    }
  }
}

TEST(House, ArrowsPointDownwards) {
  const auto rows = rows_of_the_house();
  std::map<Arrow, std::vector<std::string>> upward;
  for (const char* root : {"src", "include/convoy"}) {
    for (const Include& include : includes_below(root)) {
      const Arrow arrow(folder_of(include.from, rows), folder_of(include.to, rows));
      if (arrow.first == arrow.second || arrow.first.empty() || arrow.second.empty()) continue;
      if (rows.at(arrow.second) <= rows.at(arrow.first)) upward[arrow].push_back(include.text());
    }
  }
  for (const auto& [arrow, includes] : upward) {
    ADD_FAILURE() << arrow.first << " includes " << arrow.second
                  << ", which stands above or beside it:\n"
                  << ::testing::PrintToString(includes);
  }
}

// What is special about a strategy is in its registration (strategies/registry.hpp): one from
// outside has no other place.
TEST(House, OnlyStrategiesSayTheNamesOfStrategies) {
  const fs::path checkout = testing::source_folder();
  const std::regex literal("\"(?:[^\"\\\\]|\\\\.)*\"");
  std::string names;
  for (const auto& [name, kind] : strategies().all()) names += (names.empty() ? "" : "|") + name;
  const std::regex name("\\b(" + names + ")\\b");
  for (const char* root : {"src", "include/convoy"}) {
    for (const auto& entry : fs::recursive_directory_iterator(checkout / root)) {
      const std::string file = entry.path().lexically_relative(checkout).string();
      if (!entry.is_regular_file() || file.find("/strategies/") != file.npos) continue;
      int number = 0;
      for (const std::string& line : lines_of(entry.path())) {
        ++number;
        for (std::sregex_iterator at(line.begin(), line.end(), literal), end; at != end; ++at)
          EXPECT_FALSE(std::regex_search(at->str(), name)) << file << ":" << number << ": " << line;
      }
    }
  }
}

TEST(House, EveryRowHasAFolder) {
  const fs::path sources = fs::path(testing::source_folder()) / "src";
  for (const auto& [folder, row] : rows_of_the_house())  // or the files of that name
    EXPECT_TRUE(fs::is_directory(sources / folder) || fs::exists(sources / (folder + ".cpp")))
        << folder;
}

// A device or a precision is added in compute/ alone.
TEST(House, OnlyComputeNamesTheCpuAndFloat32) {
  const fs::path checkout = testing::source_folder();
  const std::regex named("kFloat\\b|kFloat32|kCPU|DeviceType::CPU|data_ptr<float>");
  for (const char* root : {"src", "include/convoy"}) {
    for (const auto& entry : fs::recursive_directory_iterator(checkout / root)) {
      const std::string file = entry.path().lexically_relative(checkout).string();
      if (!entry.is_regular_file() || file.starts_with("src/compute/")) continue;
      if (file == "src/core/kernel_probe.cpp") continue;  // asks this CPU's kernels what they do
      int number = 0;
      for (const std::string& line : lines_of(entry.path())) {
        ++number;
        EXPECT_FALSE(std::regex_search(line, named))
            << file << ":" << number << ": " << line << "\nsee convoy/compute/compute.hpp for "
            << "weights and gradients, compute/host_tensor.hpp for samples and files";
      }
    }
  }
}

// Else a program that links libconvoy.so could not call it. scripts/exports writes it.
TEST(House, PublicHeadersMakeVisibleWhatTheyDeclare) {
  const fs::path checkout = testing::source_folder();
  for (const auto& entry : fs::recursive_directory_iterator(checkout / "include/convoy")) {
    const std::string text = entry.is_regular_file() ? read_text_file(entry.path()) : "";
    const auto begin = text.find("\nnamespace convoy");
    if (begin == text.npos) continue;
    EXPECT_LT(text.find("\n#pragma GCC visibility push(default)\n"), begin) << entry.path();
    const auto end = text.find("\n#pragma GCC visibility pop\n");
    EXPECT_TRUE(end != text.npos && end > text.rfind("}  // namespace convoy")) << entry.path();
  }
}

TEST(House, PublicHeadersIncludePublicHeaders) {
  const fs::path checkout = testing::source_folder();
  for (const Include& include : includes_below("include/convoy")) {
    EXPECT_TRUE(include.is_public()) << include.text();
    EXPECT_TRUE(fs::exists(checkout / "include" / include.name)) << include.text();
  }
}

}  // namespace house_test
}  // namespace convoy
