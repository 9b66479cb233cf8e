// JSON that is one list: of objects, which are a table, or of numbers, which are an array.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "convoy/data/load.hpp"
#include "data/formats/content.hpp"
#include "data/formats/json_array.hpp"
#include "data/formats/json_lines.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_json_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string shown(const Table& table) {
  std::string text = fmt::format("{} rows", table.rows);
  for (const Column& column : table.columns) {
    text += fmt::format("; {}:", column.name);
    for (const double x : column.numbers) text += fmt::format(" {}", x);
    for (const std::int32_t code : column.codes)
      text += code < 0 ? " -" : " " + column.categories[static_cast<std::size_t>(code)];
  }
  return text;
}

Table list(const std::string& text, const CsvTolerance* tolerance = nullptr) {
  return parse_json_list(text, "d.json", {}, tolerance);
}

std::string list_error(const std::string& text) {
  return error_of([&] { list(text); });
}

TEST(DataJson, AListOfObjectsIsTheTableOfJsonLines) {
  const std::string lines =
      "{\"a\": 1.5, \"b\": \"x, ] } \\\" {\"}\n{\"b\": null, \"c\": true}\n{}\n{\"a\": -2}\n";
  const std::string text =
      "\xef\xbb\xbf \n[\n  {\"a\": 1.5,\n   \"b\": \"x, ] } \\\" {\"},{\"b\": null, \"c\": true} "
      ",\n"
      "{}, {\"a\": -2}]\n ";
  EXPECT_EQ(shown(list(text)), shown(parse_json_lines(lines, "d.jsonl", {})));
  EXPECT_EQ(list(text).rows, 4);
}

TEST(DataJson, WhatIsWrongNamesTheElement) {
  EXPECT_EQ(list_error(""), "d.json:1: is empty");
  EXPECT_EQ(list_error("[]"), "d.json:1: is empty");
  EXPECT_EQ(list_error("[{\"a\": 1}, 7]"),
            "d.json, element 2: is not a JSON object; each element must be one: {\"key\": value}");
  EXPECT_EQ(list_error("[{\"a\": [1]}]"),
            "d.json, element 1: column 'a': a list, where a number, text, true, false or null is "
            "expected");
  EXPECT_EQ(list_error("[{\"a\": 1}, {\"a\": 2, \"a\": 3}]"),
            "d.json, element 2: the key 'a' is there twice");
  EXPECT_EQ(list_error("[{\"a\": 1}, ]"),
            "d.json, element 2: is missing; there is a comma too many");
  for (const char* cut : {"[", "[{\"a\": 1}", "[{\"a\": 1},", "[{\"a\": 1}, {\"a\": \"x]"})
    EXPECT_THAT(list_error(cut), HasSubstr("the list has no end: truncated or damaged")) << cut;
  EXPECT_EQ(list_error("[{\"a\": 1}] {}"),
            "d.json, element 1: something follows the end of the list");
  EXPECT_THAT(list_error("7"), HasSubstr("d.json: is not a list of JSON objects"));
}

TEST(DataJson, BadElementsAreRows) {
  const CsvTolerance tolerance{0.5, {}};
  const Table table = list("[{\"a\": 1}, 2, {\"a\": {}}, {\"a\": 4}]", &tolerance);
  EXPECT_EQ(table.rows, 4);
  ASSERT_EQ(table.bad.size(), 2u);
  EXPECT_EQ(table.bad[0].row, 1);
  EXPECT_THAT(table.bad[1].problem, HasSubstr("d.json, element 3"));
  EXPECT_EQ(table.columns[0].numbers[3], 4);
}

Array numbers(const std::string& text) {
  return parse_json_array(text, "d.json");
}

TEST(DataJson, ListsOfNumbersAreAnArray) {
  const Array matrix = numbers("[[1, 2.5, 3], [4, 5, -6e1]]\n");
  EXPECT_THAT(matrix.shape, ElementsAre(2, 3));
  EXPECT_EQ(matrix.type, ElementType::f64);
  const auto* values = reinterpret_cast<const double*>(matrix.bytes.data());
  EXPECT_THAT(std::vector<double>(values, values + 6), ElementsAre(1, 2.5, 3, 4, 5, -60));
  const Array labels = numbers("\xef\xbb\xbf[0, -1, 2]");
  EXPECT_THAT(labels.shape, ElementsAre(3));
  EXPECT_EQ(labels.type, ElementType::i64);
  EXPECT_THAT(numbers("[[[1],[2]],[[3],[4]],[[5],[6]]]").shape, ElementsAre(3, 2, 1));
  EXPECT_THAT(numbers("[[],[]]").shape, ElementsAre(2, 0));
}

TEST(DataJson, WhatIsNoArrayIsRefused) {
  const auto error = [](const std::string& text) { return error_of([&] { numbers(text); }); };
  EXPECT_EQ(error("[[1, 2], [3]]"), "d.json: element 2: a list of 1 where the first has 2");
  EXPECT_EQ(error("[1, [2]]"), "d.json: element 2: a list where there are numbers elsewhere");
  EXPECT_EQ(error("[[1], 2]"), "d.json: element 2: a number where there are lists elsewhere");
  EXPECT_EQ(error("[1, null]"), "d.json: element 2: null, where a number is expected");
  EXPECT_EQ(error("[\"1\"]"), "d.json: element 1: '1', where a number is expected");
  EXPECT_EQ(error("[{\"a\": 1}]"), "d.json: element 1: an object, where a number is expected");
  EXPECT_EQ(error("7"), "d.json: is a number, not a list of them");
  EXPECT_THAT(error("[1, 2"), HasSubstr("truncated or damaged"));
  EXPECT_THAT(error("[1e999]"), HasSubstr("a number beyond the range of doubles"));
  EXPECT_THAT(error(std::string(40, '[')), HasSubstr("has more than 32 dimensions"));
}

TEST(DataJson, FilesAreToldApart) {
  const auto format_of = [](const std::string& name, const std::string& text) {
    Content content;
    content.name = name;
    content.bytes = test::bytes_of(text);
    return detect_format(content, "auto").name;
  };
  EXPECT_EQ(format_of("a.json", "[{\"a\": 1}]"), "json");
  EXPECT_EQ(format_of("a", " [ {\"a\": 1}]"), "json");
  EXPECT_EQ(format_of("a.json.gz", "[]"), "json");
  EXPECT_EQ(format_of("a.json", "nonsense"), "json");
  EXPECT_EQ(format_of("a.json", "{\"a\": 1}\n{\"a\": 2}\n"), "jsonl");
  EXPECT_EQ(format_of("a.json", "[[1, 2]]"), "json_array");
  EXPECT_EQ(format_of("a.json", "[-1]"), "json_array");
  EXPECT_EQ(format_of("a.csv", "[[1, 2]]"), "csv");
}

TEST(DataJson, BothAreLoaded) {
  const test::Directory directory;
  directory.write("x.json", "[[1, 2], [3, 4], [5, 6], [7, 8]]");
  directory.write("y.json", "[0, 1, 1, 0]");
  DataOptions arrays;
  arrays.train = {"", "x.json", "y.json"};
  EXPECT_EQ(load_splits({arrays, {}, 1, directory.path()}).train->size(), 4);
  directory.write("t.json", "[{\"a\": 1, \"y\": \"p\"}, {\"a\": 2, \"y\": \"q\"}]");
  DataOptions table;
  table.train.file = "t.json";
  table.target = {"y"};
  EXPECT_EQ(load_splits({table, {}, 1, directory.path()}).train->spec().class_names,
            (std::vector<std::string>{"p", "q"}));
}

}  // namespace data_json_test
}  // namespace convoy
