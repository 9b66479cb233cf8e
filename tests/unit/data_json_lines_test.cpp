#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "data/formats/json_lines.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_json_lines_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

Table json_table(const std::string& text, const CsvOptions& options = {}) {
  return parse_json_lines(text, "d.jsonl", options);
}

std::string json_error(const std::string& text, const CsvOptions& options = {}) {
  return error_of([&] { json_table(text, options); });
}

/// A table as text, the same for equal tables.
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

TEST(DataJsonLines, IsTheTableThatCsvYields) {
  const std::string json =
      "{\"age\": 31, \"city\": \"Rome\", \"paid\": true, \"score\": 1.5e2}\n"
      "{\"age\": -45, \"city\": null, \"paid\": false}\n"
      "\r\n"
      "  {\"score\": 2, \"paid\": true, \"city\": \"Oslo, \\\"N\\\"\"}\r\n";
  const std::string csv =
      "age,city,paid,score\n31,Rome,true,1.5e2\n-45,,false,\n,\"Oslo, \"\"N\"\"\",true,2\n";
  EXPECT_EQ(shown(json_table(json)), shown(parse_csv(csv, "d.csv", {})));
  EXPECT_THAT(shown(json_table(json)), HasSubstr("age: 31 -45 nan; city: Rome - Oslo, \"N\""));
}

TEST(DataJsonLines, AKeyMayComeLate) {
  const Table table = json_table("{\"a\":1}\n{}\n{\"b\":\"x\",\"a\":3}\n{\"c\":4}");
  EXPECT_EQ(shown(table), "4 rows; a: 1 nan 3 nan; b: - - x -; c: nan nan nan 4");
}

TEST(DataJsonLines, StringsAreTextWhateverTheyLookLike) {
  EXPECT_EQ(shown(json_table("{\"zip\":\"0100\"}\n{\"zip\":\"0200\"}\n")),
            "2 rows; zip: 0100 0200");
  // Numbers first, text later: the numbers' own spelling counts.
  EXPECT_EQ(shown(json_table("{\"a\":1.50}\n{\"a\":-2}\n{\"a\":\"2\"}\n")), "3 rows; a: 1.50 -2 2");
  EXPECT_TRUE(json_table("{\"a\":1}\n{\"a\":true}\n").columns[0].categorical);
}

TEST(DataJsonLines, OptionsOfTablesHold) {
  CsvOptions options;
  options.missing = {"-999", "none"};
  options.categorical = {"code"};
  options.ignore = {"id"};
  const std::string text =
      "{\"id\":1,\"code\":7,\"x\":-999,\"y\":\"none\"}\n{\"id\":2,\"code\":8,\"x\":2,\"y\":\"\"}\n";
  EXPECT_EQ(shown(json_table(text, options)), "2 rows; code: 7 8; x: nan 2; y: - ");
  options.ignore = {"ID"};
  EXPECT_EQ(json_error(text, options),
            "data.csv.ignore: d.jsonl has no column 'ID'; it has id, code, x, y");
}

TEST(DataJsonLines, NumbersKeepTheirValue) {
  const Table table = json_table(
      "{\"a\":0.1}\n{\"a\":123456789012345678901234567890}\n{\"a\":-0}\n{\"a\":1e-999}\n"
      "{\"a\":9007199254740993}\n");
  EXPECT_THAT(table.columns[0].numbers,
              ElementsAre(0.1, 123456789012345678901234567890.0, 0, 0, 9007199254740992.0));
}

TEST(DataJsonLines, NamesTheLineOfWhatIsWrong) {
  const std::string good = "{\"a\":1}\n\n";
  const auto error = [&](const std::string& line) { return json_error(good + line + "\n" + good); };
  EXPECT_EQ(error("{\"a\":{\"b\":1}}"),
            "d.jsonl:3: column 'a': an object, where a number, text, true, false or null is "
            "expected");
  EXPECT_THAT(error("{\"b\":[1]}"), HasSubstr("d.jsonl:3: column 'b': a list, where a number"));
  EXPECT_EQ(error("{\"a\":1,\"b\":2,\"a\":3}"), "d.jsonl:3: the key 'a' is there twice");
  EXPECT_EQ(error("{\"a\":1,}"),
            "d.jsonl:3: is not a JSON object, byte 8: object key - unexpected '}'; expected string "
            "literal");
  EXPECT_THAT(error("{\"a\":tru}"), HasSubstr("d.jsonl:3: is not a JSON object, byte 9: value"));
  EXPECT_THAT(error("{\"a\":1"), HasSubstr("d.jsonl:3: is not a JSON object, byte 7:"));
  EXPECT_THAT(error("{\"a\":1} {\"a\":2}"), HasSubstr("expected end of input"));
  EXPECT_THAT(error("{\"a\":NaN}"), HasSubstr("d.jsonl:3: is not a JSON object"));
  EXPECT_EQ(error("{\"a\":1e999}"),
            "d.jsonl:3: is not a JSON object, byte 10: a number beyond the range of doubles");
  for (const char* other : {"[{\"a\":1}]", "7", "\"a\"", "null", "true", "1.5"}) {
    EXPECT_EQ(error(other),
              "d.jsonl:3: is not a JSON object; each line must be one: {\"key\": value}");
  }
  EXPECT_EQ(error("{\"\":1}"), "d.jsonl:3: a key is empty");
  EXPECT_EQ(error("{\"b\\u0000\":1}"), "d.jsonl:3: a NUL character in a key");
  EXPECT_EQ(error("{\"b\":\"\\u0000\"}"), "d.jsonl:3: column 'b': a NUL character");
  EXPECT_THAT(error("\"\\u0000\""), HasSubstr("d.jsonl:3: is not a JSON object; each line"));
  EXPECT_THAT(error("{\"b\":\"\xff\"}"), HasSubstr("ill-formed UTF-8"));
  EXPECT_THAT(error(std::string("\0", 1)), HasSubstr("d.jsonl:3: is not a JSON object"));
}

TEST(DataJsonLines, WholeTextsThatAreNone) {
  EXPECT_EQ(json_error(""), "d.jsonl:1: is empty");
  EXPECT_EQ(json_error("\n \n"), "d.jsonl:1: is empty");
  EXPECT_EQ(json_error("{}\n{}\n"), "d.jsonl: has no keys");
  EXPECT_THAT(json_error("\xff\xfe{"), HasSubstr("UTF-16"));
  EXPECT_EQ(shown(json_table("\xef\xbb\xbf{\"a\":1}")), "1 rows; a: 1");
}

TEST(DataJsonLines, LongLinesAreRefused) {
  const std::string line = "{\"a\":\"" + std::string(std::size_t{16} << 20, 'x') + "\"}\n";
  EXPECT_EQ(json_error("{\"a\":1}\n" + line),
            "d.jsonl:2: is longer than 16777216 bytes; each line must be one JSON object");
}

TEST(DataJsonLines, ATableOfAKeyALineIsRefused) {
  std::string text;
  for (int i = 0; i < 47'000; ++i) text += fmt::format("{{\"k{}\":1}}\n", i);
  EXPECT_EQ(json_error(text),
            "d.jsonl: 47000 different keys in 47000 lines make more than 2147483648 values; are "
            "the keys the names of columns?");
}

TEST(DataJsonLines, BadLinesAreNamedAndTheRestIsRead) {
  const std::string text =
      "{\"a\":1,\"b\":\"x\"}\n"
      "{\"a\":2\n"
      "{\"a\":\"three\",\"b\":\"x\"}\n"
      "\n"
      "{\"a\":4,\"b\":[1]}\n"
      "{\"a\":5,\"b\":\"y\",\"a\":6,\"odd\":1}\n"
      "{\"a\":7}\n";
  const CsvTolerance tolerance{0.5, {}};
  const Table table = parse_json_lines(text, "d.jsonl", {}, &tolerance);
  ASSERT_EQ(table.bad.size(), 4u);
  EXPECT_EQ(table.bad[0].row, 1);
  EXPECT_THAT(table.bad[0].problem, HasSubstr("d.jsonl:2: is not a JSON object"));
  EXPECT_EQ(table.bad[1].problem, "d.jsonl:3: column 'a': 'three' is not a number");
  EXPECT_THAT(table.bad[2].problem, HasSubstr("d.jsonl:5: column 'b': a list"));
  EXPECT_EQ(table.bad[3].row, 4);
  EXPECT_EQ(table.bad[3].problem, "d.jsonl:6: the key 'a' is there twice");
  EXPECT_EQ(shown(table), "6 rows; a: 1 nan nan nan nan 7; b: x - - - - -");
  EXPECT_THAT(error_of([&] { parse_json_lines("{\n[", "d.jsonl", {}, &tolerance); }),
              HasSubstr("d.jsonl:1: is not a JSON object"));
}

TEST(DataJsonLines, ATypeIsWhatMostOfTheColumnIs) {
  std::string text;
  for (int i = 0; i < 99; ++i) text += fmt::format("{{\"a\":{},\"b\":\"{}\"}}\n", i, i);
  text += "{\"a\":\"99\",\"b\":99}\n";
  const CsvTolerance tolerance;
  const Table table = parse_json_lines(text, "d.jsonl", {}, &tolerance);
  ASSERT_EQ(table.bad.size(), 1u);
  EXPECT_EQ(table.bad[0].problem, "d.jsonl:100: column 'a': '99' is not a number");
  EXPECT_TRUE(table.columns[1].categorical);
}

TEST(DataJsonLines, IsRecognised) {
  EXPECT_TRUE(is_json_lines("{\"a\":1}\n"));
  EXPECT_TRUE(is_json_lines("\xef\xbb\xbf\n { \"a\""));
  EXPECT_TRUE(is_json_lines("{}"));
  for (const char* other : {"", "a,b\n1,2\n", "{a,b\n", "[1]", "1 1:2\n", "{"})
    EXPECT_FALSE(is_json_lines(other)) << other;
}

TEST(DataJsonLines, LongTablesKeepTheirRowsApart) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += i % 2 ? fmt::format("{{\"i\":{},\"name\":\"n{}\"}}\n", i, i % 97)
                  : fmt::format("{{\"name\":\"n{}\",\"i\":{}}}\n", i % 97, i);
  }
  const Table table = json_table(text);
  ASSERT_EQ(table.rows, 20'000);
  const Column& i = table.columns[1];
  const Column& name = table.columns[0];
  for (std::size_t row = 0; row < 20'000; ++row) {
    ASSERT_EQ(i.numbers[row], static_cast<double>(row));
    ASSERT_EQ(name.codes[row], static_cast<std::int32_t>(row % 97));
  }
}

}  // namespace data_json_lines_test
}  // namespace convoy
