// Parquet and Arrow files as tables. tests/data/parquet has the files, most of them written by
// pyarrow (make.py), and types_first_20_rows.json what pandas reads of the first rows.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "convoy/core/file.hpp"
#include "data/formats/columnar.hpp"
#include "data/formats/columnar_module.hpp"
#include "data_support.hpp"
#include "infer/parquet_output.hpp"
#include "paths.hpp"

namespace convoy {
namespace data_parquet_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Not;
using Json = nlohmann::json;

std::string place_of(const std::string& name) {
  return testing::source_folder() + "/tests/data/parquet/" + name;
}

class DataParquet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (*columnar_module_places == '\0') GTEST_SKIP() << "built without Arrow";
  }
};

Content content_of(std::string bytes, const std::string& name = "x.parquet") {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return {name, std::as_bytes(std::span(owner->data(), owner->size())), owner};
}

Table read(const std::vector<Content>& files, const CsvOptions& options = {},
           const CsvTolerance* tolerance = nullptr) {
  const ColumnarTable table(files);
  CsvOptions named = options;
  table.name_elements(named.ignore);
  table.name_elements(named.categorical);
  return table.read(files[0].name, named, tolerance, {});
}

Table read_file(const std::string& name, const CsvOptions& options = {}) {
  Content content = read_content(place_of(name));
  content.name = name;
  return read({content}, options);
}

std::string value_text(const Column& column, std::size_t row) {
  if (!column.categorical) return fmt::format("{}", column.numbers[row]);
  const std::int32_t code = column.codes[row];
  return code < 0 ? "-" : column.categories[static_cast<std::size_t>(code)];
}

/// A table as text, the same for equal tables.
std::string shown(const Table& table) {
  std::string text = fmt::format("{} rows", table.rows);
  for (const Column& column : table.columns) {
    text += fmt::format("; {}:", column.name);
    for (std::size_t row = 0; row < static_cast<std::size_t>(table.rows); ++row)
      text += ' ' + value_text(column, row);
  }
  return text;
}

const Column& column_of(const Table& table, const std::string& name) {
  for (const Column& column : table.columns) {
    if (column.name == name) return column;
  }
  throw std::runtime_error("no column " + name);
}

/// "2026-01-25" in days since 1970, "2027-03-31 19:06:42" in seconds.
double days_of(const std::string& text) {
  const std::chrono::year_month_day date{
      std::chrono::year{std::stoi(text.substr(0, 4))},
      std::chrono::month{static_cast<unsigned>(std::stoi(text.substr(5, 2)))},
      std::chrono::day{static_cast<unsigned>(std::stoi(text.substr(8, 2)))}};
  return static_cast<double>(std::chrono::sys_days{date}.time_since_epoch().count());
}

double seconds_of(const std::string& text) {
  return days_of(text) * 86'400 + std::stoi(text.substr(11, 2)) * 3'600 +
         std::stoi(text.substr(14, 2)) * 60 + std::stoi(text.substr(17, 2));
}

void expect_first_rows(const Table& table, const Json& expected) {
  const auto number = [&](const std::string& name, std::size_t row) {
    const Column& column = column_of(table, name);
    EXPECT_FALSE(column.categorical) << name;
    return column.numbers.at(row);
  };
  for (std::size_t row = 0; row < 20; ++row) {
    for (const char* name : {"i", "f", "h", "y"}) {
      const Json& value = expected[name][row];
      if (value.is_null())
        EXPECT_THAT(number(name, row), IsNan());
      else
        EXPECT_EQ(number(name, row), value.get<double>()) << name << row;
    }
    EXPECT_EQ(number("d", row), days_of(expected["d"][row]));
    EXPECT_EQ(number("ts", row), seconds_of(expected["ts"][row]));
    EXPECT_EQ(number("dec", row), std::stod(expected["dec"][row].get<std::string>()));
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(number(fmt::format("vec_{}", i), row), expected["vec"][row][i].get<double>());
    const std::string s = expected["s"][row];  // nothing is one of the spellings of what is missing
    EXPECT_EQ(value_text(column_of(table, "s"), row), s.empty() ? "-" : s);
    EXPECT_EQ(value_text(column_of(table, "cat"), row), expected["cat"][row].get<std::string>());
    EXPECT_EQ(value_text(column_of(table, "b"), row),
              expected["b"][row].get<bool>() ? "true" : "false");
  }
}

TEST_F(DataParquet, AllTypesAreWhatPandasReads) {
  const Json expected = Json::parse(read_text_file(place_of("types_first_20_rows.json")));
  std::string first;
  for (const char* name : {"types_none.parquet", "types_snappy.parquet", "types_gzip.parquet",
                           "types_zstd.parquet", "types.arrow"}) {
    SCOPED_TRACE(name);
    const Table table = read_file(name);
    ASSERT_EQ(table.rows, 200);
    EXPECT_EQ(table.columns.size(), 13U);
    expect_first_rows(table, expected);
    const std::vector<double>& f = column_of(table, "f").numbers;
    EXPECT_EQ(std::count_if(f.begin(), f.end(), [](double x) { return std::isnan(x); }), 11);
    if (first.empty()) first = shown(table);
    EXPECT_EQ(shown(table), first);
  }
}

TEST_F(DataParquet, EveryCodecAndEveryKindOfFileIsTheSameTable) {
  const std::string expected =
      "5 rows; i: 1 nan -3 4 5; f: 0.5 1.5 nan -2 1e+300; s: a b - a \u00fc; "
      "vec_0: 1 3 5 nan 7; vec_1: 2 4 6 nan 8; cat: x y x - x";
  for (const char* name :
       {"few_none.parquet", "few_snappy.parquet", "few_gzip.parquet", "few_brotli.parquet",
        "few_lz4.parquet", "few_zstd.parquet", "few_plain.parquet", "few_uncompressed.feather",
        "few_lz4.feather", "few_zstd.feather", "few.arrows"}) {
    EXPECT_EQ(shown(read_file(name)), expected) << name;
  }
}

TEST_F(DataParquet, OtherTypesAndNestedColumns) {
  const std::string expected =
      "3 rows; place.x: 1 nan nan; place.name: a - b; list_0: 1 4 nan; list_1: 2 5 nan; "
      "list_2: 3 6 nan; numbers: 7 8 7; large: a - bc; bytes: a b -; none: nan nan nan; "
      "u: 0 9.223372036854776e+18 1.8446744073709552e+19; day: -1 nan 20512; "
      "at: -1.5 0 86400.5; ns: 1e-09 nan 1700000000.1234567; time: 3723 nan 86399.5; "
      "took: 1.5 -0.001 nan; big: 1.2345678901234568e+26 nan -0.01";
  EXPECT_EQ(shown(read_file("few_nested.parquet")), expected);
  EXPECT_EQ(shown(read_file("few_nested.arrow")), expected);
}

TEST_F(DataParquet, NumbersThatAreToBeCategoriesAreSpelled) {
  CsvOptions options;
  options.categorical = {"numbers", "day", "at", "ns",      "time",
                         "took",    "big", "u",  "place.x", "list"};
  options.ignore = {"large", "bytes", "none", "place.name"};
  const std::string expected =
      "3 rows; place.x: 1 - -; list_0: 1 4 -; list_1: 2 5 -; list_2: 3 6 -; numbers: 7 8 7; "
      "u: 0 9223372036854775808 18446744073709551615; day: 1969-12-31 - 2026-02-28; "
      "at: 1969-12-31 23:59:58.5 1970-01-01 00:00:00 1970-01-02 00:00:00.5; "
      "ns: 1970-01-01 00:00:00.000000001 - 2023-11-14 22:13:20.123456789; "
      "time: 01:02:03 - 23:59:59.5; took: 1500 -1 -; "
      "big: 123456789012345678901234567.89 - -0.01";
  EXPECT_EQ(shown(read_file("few_nested.parquet", options)), expected);
  EXPECT_EQ(shown(read_file("few_nested.arrow", options)), expected);
}

TEST_F(DataParquet, OptionsOfTablesHold) {
  CsvOptions options;
  options.missing = {"a", "-3", "1e300"};
  options.ignore = {"vec", "cat"};
  EXPECT_EQ(shown(read_file("few_zstd.parquet", options)),
            "5 rows; i: 1 nan nan 4 5; f: 0.5 1.5 nan -2 nan; s: - b - - \u00fc");
  options.ignore = {"no"};
  EXPECT_EQ(error_of([&] { read_file("few_zstd.parquet", options); }),
            "data.csv.ignore: few_zstd.parquet has no column 'no'; it has i, f, s, vec_0, vec_1, "
            "cat");
}

TEST_F(DataParquet, WhatIsNotReadCanBeLeftOut) {
  EXPECT_EQ(error_of([] { read_file("few_maps.parquet"); }),
            "few_maps.parquet: column 'm' is map<string, int64 ('m')>, which is not read; leave it "
            "out with data.csv.ignore");
  CsvOptions options;
  options.ignore = {"m"};
  EXPECT_EQ(shown(read_file("few_maps.parquet", options)), "2 rows; y: 1 2");
  EXPECT_EQ(error_of([] { read_file("few_ragged.parquet"); }),
            "few_ragged.parquet:3: column 'list': a list of 1 values where others have 2");
}

std::string floats_file(const std::string& name, std::vector<float> values) {
  columnar::Written column;
  column.name = name;
  column.floats = std::move(values);
  return format_parquet({column});
}

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

TEST_F(DataParquet, ValuesThatAreNotFinite) {
  const Content file = content_of(floats_file("f", {1, nan, inf, 2, -inf}));
  EXPECT_EQ(error_of([&] { read({file}); }),
            "x.parquet:3: column 'f': 'inf' is not a finite number; if it stands for a missing "
            "value, list it in data.csv.missing");
  CsvOptions options;
  options.missing = {"inf", "-inf"};
  EXPECT_THAT(error_of([&] { read({file}, options); }),
              HasSubstr("x.parquet:2: column 'f': 'nan'"));
  options.missing.push_back("nan");
  EXPECT_EQ(shown(read({file}, options)), "5 rows; f: 1 nan nan 2 nan");
  const CsvTolerance tolerance;
  const Table table = read({file}, {}, &tolerance);
  EXPECT_EQ(shown(table), "5 rows; f: 1 nan nan 2 nan");
  ASSERT_EQ(table.bad.size(), 2U);
  EXPECT_EQ(table.bad[1].row, 4);
  EXPECT_EQ(table.bad[1].problem, "x.parquet:5: column 'f': '-inf' is not a finite number");
}

TEST_F(DataParquet, TextThatIsNone) {
  columnar::Written text;
  text.name = "s";
  text.texts = {"a", "\xff", std::string("b\0", 2), "c"};
  const Content file = content_of(format_parquet({text}));
  EXPECT_EQ(error_of([&] { read({file}); }), "x.parquet:2: column 's': text is not UTF-8");
  const CsvTolerance tolerance;
  const Table table = read({file}, {}, &tolerance);
  EXPECT_EQ(shown(table), "4 rows; s: a - - c");
  EXPECT_THAT(table.columns[0].categories, ElementsAre("a", "c"));
  EXPECT_EQ(table.bad[1].problem, "x.parquet:3: column 's': text holds a NUL byte");
}

TEST_F(DataParquet, SeveralFilesAreOneTable) {
  const Content floats = content_of(floats_file("v", {1, 2.5}), "a.parquet");
  columnar::Written text;
  text.name = "v";
  text.texts = {"x", "1"};
  const Content texts = content_of(format_parquet({text}), "b.parquet");
  std::vector<std::pair<std::size_t, std::int64_t>> told;
  const std::string name = "*.parquet";
  const auto done = [&](std::size_t file, std::int64_t rows) { told.emplace_back(file, rows); };
  const std::vector<Content> files{floats, texts};
  EXPECT_EQ(shown(ColumnarTable(files).read(name, {}, nullptr, done)), "4 rows; v: 1 2.5 x 1");
  EXPECT_THAT(told, ElementsAre(std::pair(0U, 2), std::pair(1U, 2)));
  const Content other = content_of(floats_file("w", {1}), "c.parquet");
  EXPECT_EQ(error_of([&] {
              read({floats, other});
            }),
            "c.parquet: has the columns w where a.parquet has v");
}

/// Row groups of a million rows, so that there are several; read in steps where memory is short.
TEST_F(DataParquet, PiecesAreTheTable) {
  constexpr std::size_t rows = 1'100'000;
  std::vector<columnar::Written> columns(3);  // and two more, so that a group is more than a piece
  columns[0].name = "n";
  columns[1].name = "x";
  columns[2].name = "s";
  for (std::size_t i = 0; i < rows; ++i) {
    columns[0].integers.push_back(static_cast<std::int64_t>(i));
    columns[1].floats.push_back(i == 1'050'000 ? inf : 0.5F * static_cast<float>(i % 1000));
    columns[2].texts.push_back(fmt::format("t{}", i / 100'000));
  }
  for (const char* more : {"m", "o"}) {
    columns.push_back(columns[0]);
    columns.back().name = more;
  }
  const ColumnarTable file({content_of(format_parquet(columns))});
  const std::string name = "x.parquet";
  const CsvOptions options;
  const CsvTolerance tolerance;
  const ColumnarTable::FileDone done;
  const Table whole = file.read(name, options, &tolerance, done);
  ASSERT_EQ(whole.rows, static_cast<std::int64_t>(rows));
  EXPECT_EQ(whole.columns[0].numbers.back(), rows - 1.0);
  EXPECT_EQ(whole.columns[2].categories.back(), "t10");
  const auto stream = file.stream(name, options, &tolerance, done);
  EXPECT_EQ(stream->head().rows, whole.rows);
  EXPECT_EQ(stream->head().columns[2].categories, whole.columns[2].categories);
  EXPECT_EQ(stream->ranges()[0].high, rows - 1.0);
  EXPECT_EQ(stream->ranges()[1].missing, 1);
  EXPECT_TRUE(stream->ranges()[0].whole);
  EXPECT_FALSE(stream->ranges()[1].whole);
  Table joined;
  int pieces = 0;
  joined.columns.resize(columns.size());
  stream->read([&](Table piece) {
    ++pieces;
    for (const BadRow& bad : piece.bad) joined.bad.push_back({joined.rows + bad.row, bad.problem});
    joined.rows += piece.rows;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      auto& [own, categorical, numbers, codes, categories] = joined.columns[c];
      const Column& more = piece.columns[c];
      numbers.insert(numbers.end(), more.numbers.begin(), more.numbers.end());
      codes.insert(codes.end(), more.codes.begin(), more.codes.end());
    }
  });
  EXPECT_GT(pieces, 15);
  EXPECT_EQ(joined.rows, whole.rows);
  const auto numbers = [](const Table& table) {
    std::vector<double> values = table.columns[0].numbers;
    std::replace_if(
        values.begin(), values.end(), [](double x) { return std::isnan(x); }, -1.0);
    return values;
  };
  EXPECT_EQ(numbers(joined), numbers(whole));
  EXPECT_EQ(joined.columns[2].codes, whole.columns[2].codes);
  ASSERT_EQ(joined.bad.size(), 1U);
  EXPECT_EQ(joined.bad[0].row, 1'050'000);
  EXPECT_EQ(joined.bad[0].problem, "x.parquet:1050001: column 'x': 'inf' is not a finite number");
}

TEST_F(DataParquet, ATableMayBeTooLarge) {
  const std::vector<Content> files{content_of(floats_file("f", std::vector<float>(1000, 1)))};
  const ColumnarTable table(files, 999);
  EXPECT_EQ(error_of([&] { table.read("x.parquet", {}, nullptr, {}); }),
            "x.parquet: has 1000 rows of 1 columns, more than 999 values; make records of it "
            "(`convoy data prepare`), or leave columns out");
}

TEST_F(DataParquet, PredictionsAreTheColumnsOfTheCsvFile) {
  const std::vector<std::int64_t> samples{7, 3, 5};
  const std::vector<float> values{0.25F, 0.75F, 0.5F, 0.5F, nan, 0.5F};
  const std::vector<std::int64_t> classes{1, 0, 0};
  const Content file =
      content_of(parquet_predictions({samples, 2, values, classes, {}, {"no", "yes"}}));
  EXPECT_EQ(shown(read({file})),
            "3 rows; sample: 7 3 5; target: yes no no; predicted: yes no -; p_no: 0.25 0.5 nan; "
            "p_yes: 0.75 0.5 0.5");
  const Content numbers = content_of(parquet_predictions({samples, 2, values, {}, values, {}}));
  EXPECT_EQ(shown(read({numbers})),
            "3 rows; sample: 7 3 5; target_0: 0.25 0.5 nan; target_1: 0.75 0.5 0.5; "
            "predicted_0: 0.25 0.5 nan; predicted_1: 0.75 0.5 0.5");
  EXPECT_EQ(
      shown(read({content_of(parquet_predictions({samples, 1, std::span(values).first(3)}))})),
      "3 rows; sample: 7 3 5; predicted: 0.25 0.75 0.5");
}

TEST_F(DataParquet, FilesThatAreNone) {
  const auto error = [](std::string bytes) {
    return error_of([&] { read({content_of(std::move(bytes), "d")}); });
  };
  EXPECT_EQ(error(""), "d: is neither Parquet nor Arrow: it does not begin like one");
  EXPECT_EQ(error("PARE...."), "d: is an encrypted Parquet file, which is not read");
  EXPECT_EQ(error("FEA1...."),
            "d: is Feather's version 1, which is not read; write it anew as version 2");
  EXPECT_THAT(error("PAR1"), HasSubstr("d: cannot be read: "));
  EXPECT_THAT(error("ARROW1"), HasSubstr("d: cannot be read: "));
  EXPECT_THAT(error_of([] { read_file("truncated.parquet"); }),
              HasSubstr("truncated.parquet: cannot be read: "));
}

TEST_F(DataParquet, FormatsAreFoundFromNamesAndContents) {
  EXPECT_EQ(detect_format(content_of("", "a.parquet"), "auto").name, "parquet");
  EXPECT_EQ(detect_format(content_of("", "a.feather"), "auto").name, "arrow");
  for (const auto& [name, format] :
       {std::pair("few_snappy.parquet", "parquet"), std::pair("few_lz4.feather", "arrow"),
        std::pair("few.arrows", "arrow")}) {
    Content content = read_content(place_of(name));
    content.name = "unnamed";
    EXPECT_EQ(detect_format(content, "auto").name, format) << name;
  }
}

/// A damaged file is a table or an error of one line.
void expect_table_or_line(std::string bytes) {
  try {
    const std::vector<Content> files{content_of(std::move(bytes))};
    const ColumnarTable table(files, 1 << 20);
    std::vector<std::string> unreadable;
    const Table read = table.read("x.parquet", {}, nullptr, {});
    for (const Column& column : read.columns) {
      const auto rows = static_cast<std::size_t>(read.rows);
      EXPECT_EQ(column.numbers.size(), column.categorical ? 0 : rows);
      EXPECT_EQ(column.codes.size(), column.categorical ? rows : 0);
    }
  } catch (const InputError& error) {
    EXPECT_THAT(std::string(error.what()), Not(HasSubstr("\n")));
  }
}

TEST_F(DataParquet, DamageIsOneLine) {
  for (const char* name :
       {"few_none.parquet", "few_zstd.parquet", "few_nested.parquet", "few_uncompressed.feather",
        "few_lz4.feather", "few_nested.arrow", "few.arrows"}) {
    SCOPED_TRACE(name);
    const std::string whole = read_text_file(place_of(name));
    for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 60)
      expect_table_or_line(whole.substr(0, size));
    for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 250) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      expect_table_or_line(std::move(damaged));
      damaged = whole;
      damaged[at] = static_cast<char>(0xff);
      expect_table_or_line(std::move(damaged));
    }
  }
}

}  // namespace data_parquet_test
}  // namespace convoy
