// A format and sources that are registered here, through the public headers alone, as a program or
// a plugin does it.
#include <gmock/gmock.h>

#include <charconv>

#include "convoy/data/formats/format.hpp"
#include "convoy/data/inspect/inspect.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/sources/source.hpp"
#include "convoy/job/job.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_registrations_test {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Lines "NUMBER WORD"; a '-' is missing. Two rows a piece.
class PairsReader final : public TableReader {
 public:
  explicit PairsReader(Content file) : file_(std::move(file)) {}
  std::vector<std::string> names() const override { return {"size", "kind"}; }

  void read(const std::function<void(Table piece)>& take) const override {
    std::string_view text = file_.text().substr(6);
    Table piece = empty();
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      add(text.substr(0, end), piece);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (piece.rows == 2) take(std::exchange(piece, empty()));
    }
    if (piece.rows > 0) take(std::move(piece));
  }

 private:
  static Table empty() {
    Table table;
    table.columns.resize(2);
    table.columns[0].name = "size";
    table.columns[1].name = "kind";
    table.columns[1].categorical = true;
    return table;
  }

  void add(std::string_view line, Table& piece) const {
    const std::size_t blank = std::min(line.find(' '), line.size());
    double number = std::numeric_limits<double>::quiet_NaN();
    const std::string_view word = line.substr(std::min(blank + 1, line.size()));
    const auto [end, error] = std::from_chars(line.data(), line.data() + blank, number);
    if (error != std::errc() && line.substr(0, blank) != "-")
      piece.bad.push_back({piece.rows, file_.name + ": no number in a line"});
    piece.columns[0].numbers.push_back(number);
    Column& kinds = piece.columns[1];
    kinds.codes.push_back(word == "-" ? -1 : static_cast<std::int32_t>(kinds.categories.size()));
    if (word != "-") kinds.categories.emplace_back(word);
    ++piece.rows;
  }

  Content file_;
};

FormatKind pairs_kind() {
  FormatKind kind;
  kind.name = "pairs";
  kind.doc = "a number and a word a line";
  kind.title = "pairs";
  kind.endings = {".pairs"};
  kind.marks = {"PAIRS\n"};
  kind.table = [](const Content& file) { return std::make_unique<PairsReader>(file); };
  return kind;
}

/// A byte says how wide a row is, the rest are bytes.
FormatKind grid_kind() {
  FormatKind kind;
  kind.name = "grid";
  kind.doc = "rows of bytes";
  kind.title = "a grid";
  kind.holds = Holds::array;
  kind.endings = {".grid"};
  kind.array = [](const Content& file) {
    if (file.bytes.empty()) throw DataError(file.name, "is empty");
    const auto width = std::to_integer<std::int64_t>(file.bytes[0]);
    const auto size = static_cast<std::int64_t>(file.bytes.size()) - 1;
    if (width == 0 || size % width != 0) throw DataError(file.name, "rows that are not whole");
    return Array{{size / width, width}, ElementType::u8, file.bytes.subspan(1), file.owner};
  };
  return kind;
}

/// What is in memory, by name.
std::map<std::string, fs::path>& memory() {
  static std::map<std::string, fs::path> all;
  return all;
}

SourceKind memory_kind() {
  SourceKind kind;
  kind.name = "memory";
  kind.doc = "what this test holds";
  kind.schemes = {"memory:"};
  kind.address = "memory:NAME";
  kind.check = [](const std::string& address) {
    if (address == "memory:") throw InputError("memory: names nothing");
  };
  kind.files = [] {
    return [](const std::string& address) {
      const auto found = memory().find(address.substr(7));
      if (found == memory().end()) throw InputError(address + ": is not in memory");
      return found->second;
    };
  };
  return kind;
}

/// "count:N": rows 0 to N-1, and whether each is odd.
class Counted final : public QueryRows {
 public:
  Counted(std::string name, int count) : name_(std::move(name)), count_(count) {}
  const std::string& name() const override { return name_; }
  const std::vector<std::string>& columns() const override { return columns_; }
  void read(const std::function<void(std::span<const QueryValue>)>& row) override {
    for (int i = 0; i < count_; ++i) {
      const std::string number = std::to_string(i);
      const QueryValue values[] = {{number}, {i % 2 == 0 ? "even" : "odd", true}};
      row(values);
    }
  }

 private:
  std::string name_;
  int count_;
  std::vector<std::string> columns_{"number", "parity"};
};

SourceKind count_kind() {
  SourceKind kind;
  kind.name = "count";
  kind.doc = "numbers";
  kind.schemes = {"count:"};
  kind.address = "count:N";
  kind.gives = Gives::rows;
  kind.rows = [](const QueryRequest& request) {
    return std::make_unique<Counted>(request.address, std::stoi(request.address.substr(6)));
  };
  return kind;
}

class DataRegistrations : public ::testing::Test {
 protected:
  DataRegistrations() {
    formats().add(pairs_kind());
    formats().add(grid_kind());
    sources().add(memory_kind());
    sources().add(count_kind());
  }
  ~DataRegistrations() override {
    for (const char* name : {"pairs", "grid"}) formats().remove(name);
    for (const char* name : {"memory", "count"}) sources().remove(name);
    memory().clear();
  }

  Splits load(const std::string& yaml) const {
    const Job job = parse_job(yaml, "job.yaml");
    return load_splits({job.data, job.preprocess, 1, directory_.path()});
  }

  test::Directory directory_;
};

TEST_F(DataRegistrations, ATableIsReadInPieces) {
  directory_.write("d.pairs", "PAIRS\n1 a\n-2.5 b\n3 a\n1e30 b\n");
  directory_.write("d.csv", "size,kind\n1,a\n-2.5,b\n3,a\n1e30,b\n");
  const Splits own = load("data: {train: d.pairs, target: kind}");
  const Splits csv = load("data: {train: d.csv, target: kind}");
  EXPECT_EQ(own.train->size(), 4);
  EXPECT_EQ(own.fitted, csv.fitted);
  const std::vector<std::int64_t> all{0, 1, 2, 3};
  EXPECT_TRUE(torch::equal(own.train->read(all).features, csv.train->read(all).features));
  EXPECT_TRUE(torch::equal(own.train->read(all).target, csv.train->read(all).target));
  const auto record = inspect_file(directory_.path() / "d.pairs", {}, 1);
  EXPECT_EQ(record["files"][0]["columns"].size(), 2);
}

TEST_F(DataRegistrations, BadRowsAreLeftOutOrStopTheJob) {
  directory_.write("d.pairs", "PAIRS\n1 a\n- b\nx a\n4 b\n");
  const std::string job = "data: {train: d.pairs, target: kind, ";
  EXPECT_THAT(error_of([&] { load(job + "on_bad_sample: stop}"); }),
              HasSubstr("d.pairs: no number in a line"));
  const Splits splits =
      load(job + "on_bad_sample: skip, max_bad_samples: 0.5}\npreprocess: [{impute: mean}]");
  EXPECT_EQ(splits.train->size(), 3);
  EXPECT_EQ(splits.skipped_samples, 1);
}

TEST_F(DataRegistrations, TheContentTellsAndSoDoesTheJob) {
  directory_.write("data", "PAIRS\n1 a\n2 b\n");
  EXPECT_EQ(load("data: {train: data, target: kind}").train->size(), 2);
  EXPECT_EQ(load("data: {train: data, target: kind, format: pairs}").train->size(), 2);
  EXPECT_THAT(error_of([&] { load("data: {train: data, target: kind, format: pears}"); }),
              AllOf(HasSubstr("job.yaml:1: data.format"), HasSubstr("pairs")));
  EXPECT_THAT(error_of([&] { load("data: {train: d.pairs}"); }),
              HasSubstr("data.target: is missing"));
}

TEST_F(DataRegistrations, AnArrayIsOneOfFeatures) {
  directory_.write("x.grid", std::string("\x02", 1) + "abcdef");
  directory_.write("y.csv", "y\n0\n1\n1\n");
  const Splits splits = load("data: {train: {features: x.grid, labels: y.csv}}");
  EXPECT_EQ(splits.train->size(), 3);
  EXPECT_EQ(splits.train->read(std::vector<std::int64_t>{1}).features[0][1].item<float>(), 'd');
  EXPECT_THAT(error_of([&] { load("data: {train: x.grid, target: y}"); }),
              HasSubstr("cannot be a grid, which holds features or labels alone"));
  directory_.write("x.grid", std::string("\x04", 1) + "abcdef");
  EXPECT_THAT(error_of([&] { load("data: {train: {features: x.grid, labels: y.csv}}"); }),
              HasSubstr("x.grid: rows that are not whole"));
}

TEST_F(DataRegistrations, ASourceGivesFiles) {
  memory()["d.pairs"] = directory_.write("elsewhere", "PAIRS\n1 a\n2 b\n5 b\n");
  EXPECT_EQ(load("data: {train: 'memory:d.pairs', target: kind}").train->size(), 3);
  EXPECT_THAT(error_of([&] { load("data: {train: 'memory:e.pairs', target: kind}"); }),
              HasSubstr("memory:e.pairs: is not in memory"));
  EXPECT_THAT(error_of([&] { load("data: {train: 'memory:', target: kind}"); }),
              HasSubstr("job.yaml:1: data.train.file: memory: names nothing"));
}

TEST_F(DataRegistrations, ASourceGivesRows) {
  const Splits splits =
      load("data: {train: {file: 'count:10', query: odd}, target: parity, validation: 0.2}");
  EXPECT_EQ(splits.train->size(), 8);
  EXPECT_EQ(splits.train->spec().class_names, (std::vector<std::string>{"even", "odd"}));
  EXPECT_THAT(error_of([&] { load("data: {train: {file: x.csv, query: q}, target: y}"); }),
              HasSubstr("is for databases alone; write file: count:N, postgresql://"));
}

}  // namespace data_registrations_test
}  // namespace convoy
