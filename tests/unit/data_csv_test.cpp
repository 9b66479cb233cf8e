#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "convoy/data/formats/formats.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_csv_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNan;

Table csv(const std::string& text, const CsvOptions& options = {}) {
  return parse_csv(text, "data.csv", options);
}

std::string csv_error(const std::string& text, const CsvOptions& options = {}) {
  return error_of([&] { csv(text, options); });
}

std::vector<std::string> texts(const Column& column) {
  std::vector<std::string> out;
  for (const auto code : column.codes) {
    out.push_back(code < 0 ? "(missing)" : column.categories[static_cast<std::size_t>(code)]);
  }
  return out;
}

std::vector<std::string> names(const Table& table) {
  std::vector<std::string> out;
  for (const Column& column : table.columns) out.push_back(column.name);
  return out;
}

TEST(DataCsv, TellsNumbersFromCategories) {
  const Table table = csv("age,city,code\n31,Rome,1\n-4.5e1,Oslo,2\n+7,Rome,x\n");
  EXPECT_EQ(table.rows, 3);
  EXPECT_THAT(names(table), ElementsAre("age", "city", "code"));
  EXPECT_THAT(table.columns[0].numbers, ElementsAre(31, -45, 7));
  EXPECT_THAT(table.columns[1].categories, ElementsAre("Rome", "Oslo"));
  EXPECT_THAT(table.columns[1].codes, ElementsAre(0, 1, 0));
  // Numbers first, text later: the numbers' own spelling counts.
  EXPECT_TRUE(table.columns[2].categorical);
  EXPECT_THAT(texts(table.columns[2]), ElementsAre("1", "2", "x"));
}

TEST(DataCsv, FollowsRfc4180) {
  const Table table =
      csv("\xef\xbb\xbf"
          "a,\"b \"\"x\"\"\",c\r\n"
          "\"one, two\",\"line\r\nbreak\",\"say \"\"hi\"\"\"\r\n"
          "\" kept \", trimmed ,\"\"\"\"");
  EXPECT_THAT(names(table), ElementsAre("a", "b \"x\"", "c"));
  EXPECT_THAT(texts(table.columns[0]), ElementsAre("one, two", " kept "));
  EXPECT_THAT(texts(table.columns[1]), ElementsAre("line\r\nbreak", "trimmed"));
  EXPECT_THAT(texts(table.columns[2]), ElementsAre("say \"hi\"", "\""));
}

TEST(DataCsv, AcceptsEveryLineEndAndSkipsBlankLines) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const Table table = csv("a,b" + end + "1,2" + end + end + "3,4" + end + end);
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, 3));
    EXPECT_THAT(table.columns[1].numbers, ElementsAre(2, 4));
  }
}

TEST(DataCsv, BlankLinesOfASingleColumnAreMissingValues) {
  const Table table = csv("a\n1\n\n3\n\n\n");
  EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, IsNan(), 3));
}

TEST(DataCsv, HeaderMayBeAbsentOrSkipped) {
  CsvOptions options;
  options.header = "false";
  EXPECT_THAT(names(csv("1,2\n3,4\n", options)), ElementsAre("column_1", "column_2"));
  options.columns = {"x", "y"};
  EXPECT_THAT(names(csv("1,2\n3,4\n", options)), ElementsAre("x", "y"));
  options.header = "skip";
  const Table table = csv("150,4,setosa,versicolor\n5.1,3\n", options);
  EXPECT_THAT(names(table), ElementsAre("x", "y"));
  EXPECT_THAT(table.columns[1].numbers, ElementsAre(3));
  EXPECT_EQ(csv_error("h\n1,2,3\n", options), "data.csv:2: 3 fields where 2 are expected");
}

TEST(DataCsv, MissingValuesHaveManySpellings) {
  const Table table = csv("n,c\n1,red\nNA,?\n ,\n\"\",null\nNaN,NaN\n");
  EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, IsNan(), IsNan(), IsNan(), IsNan()));
  EXPECT_THAT(table.columns[1].codes, ElementsAre(0, -1, -1, -1, -1));
  CsvOptions options;
  options.missing = {"-999"};
  EXPECT_THAT(csv("n\n1\n-999\n", options).columns[0].numbers, ElementsAre(1, IsNan()));
  // Leading missing values do not decide a column's type.
  EXPECT_THAT(texts(csv("c\nNA\nred\n").columns[0]), ElementsAre("(missing)", "red"));
}

TEST(DataCsv, OptionsChooseColumnsAndDelimiter) {
  CsvOptions options;
  options.delimiter = "tab";
  options.categorical = {"zip"};
  options.ignore = {"id"};
  const Table table = csv("id\tzip\tx\n1\t0100\t2\n2\t0200\t3\n", options);
  EXPECT_THAT(names(table), ElementsAre("zip", "x"));
  EXPECT_THAT(texts(table.columns[0]), ElementsAre("0100", "0200"));
  options.ignore = {"idd"};
  EXPECT_EQ(csv_error("id\tzip\n1\t2\n", options),
            "data.csv.ignore: data.csv has no column 'idd'; it has id, zip");
  options.delimiter = ";;";
  EXPECT_THAT(csv_error("a\n", options),
              HasSubstr("data.csv.delimiter: ';;' is not one character"));
}

TEST(DataCsv, NamesTheLineOfWhatIsWrong) {
  EXPECT_EQ(csv_error("a,b,c,d\n1,2,3,4\n1,2,3,4,5\n"),
            "data.csv:3: 5 fields where 4 are expected");
  EXPECT_EQ(csv_error("a,b\n\"x\ny\",1\n2\n"), "data.csv:4: 1 field where 2 are expected");
  EXPECT_EQ(csv_error("a,b\n1,2\n3,\"open\n4,5\n"),
            "data.csv:3: a quote that opens here is never closed");
  EXPECT_THAT(csv_error("a\n\"x\"y\n"), HasSubstr("data.csv:2: text after a closing quote"));
  EXPECT_EQ(csv_error("a,b,a\n1,2,3\n"), "data.csv:1: two columns are called 'a'; rename one");
  EXPECT_THAT(csv_error("a,b\n1,2\n3,inf\n"),
              HasSubstr("data.csv:3: column 'b': 'inf' is not a finite number"));
  EXPECT_THAT(csv_error("a\n1\n1e999\n"),
              HasSubstr("data.csv:3: column 'a': '1e999' is not a finite number"));
  EXPECT_THAT(csv_error(""), HasSubstr("data.csv:1: is empty"));
  EXPECT_THAT(csv_error("a\nr\xe9sum\xe9\n"),
              HasSubstr("data.csv:2: column 'a': text is not UTF-8"));
  EXPECT_THAT(csv_error(std::string("a\n1\0", 4)), HasSubstr("data.csv, byte 3: a NUL byte"));
  EXPECT_THAT(csv_error("\xff\xfe"
                        "a"),
              HasSubstr("UTF-16"));
}

TEST(DataCsv, OnlyFiniteNumbersMakeANumericColumn) {
  EXPECT_THAT(csv("a\n1e-999\n-0\n").columns[0].numbers,
              ElementsAre(0, 0));  // underflow is a number
  // Infinity among words is a word.
  EXPECT_THAT(texts(csv("a\ninf\nsup\n").columns[0]), ElementsAre("inf", "sup"));
  EXPECT_TRUE(csv("a\n0x10\n").columns[0].categorical);
  EXPECT_TRUE(csv("a\n1 2\n").columns[0].categorical);
  EXPECT_TRUE(csv("a\n+-1\n").columns[0].categorical);
  EXPECT_EQ(csv("a\n0.1\n").columns[0].numbers[0], 0.1);
}

TEST(DataCsv, AHeaderAloneIsATableWithoutRows) {
  const Table table = csv("a,b\n");
  EXPECT_EQ(table.rows, 0);
  EXPECT_THAT(table.columns[0].numbers, IsEmpty());
}

TEST(DataCsv, LongTablesKeepTheirRowsApart) {
  std::string text = "i,name\n";
  for (int i = 0; i < 20'000; ++i) text += fmt::format("{},n{}\n", i, i % 97);
  const Table table = csv(text);
  ASSERT_EQ(table.rows, 20'000);
  for (std::size_t i = 0; i < 20'000; ++i) {
    ASSERT_EQ(table.columns[0].numbers[i], static_cast<double>(i));
    ASSERT_EQ(table.columns[1].codes[i], static_cast<std::int32_t>(i % 97));
  }
}

}  // namespace data_csv_test
}  // namespace convoy
