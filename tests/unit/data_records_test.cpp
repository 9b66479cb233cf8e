// Prepared data: the format, and that training on it is training on the files it was made of.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <png.h>
#include <stdlib.h>
#include <torch/torch.h>

#include <filesystem>
#include <random>

#include "convoy/core/file.hpp"
#include "convoy/data/inspect/inspect.hpp"
#include "convoy/data/inspect/partition.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/records/prepare.hpp"
#include "convoy/job/job.hpp"
#include "data/records/layout.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_records_test {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::HasSubstr;

RecordPart small_part() {
  RecordPart part;
  part.name = "train";
  part.source = "x.csv";
  part.samples = 3;
  part.shard_samples = 2;
  part.fields.push_back({.name = "flag", .type = ElementType::u8});
  part.fields.push_back({.name = "size", .type = ElementType::f64});
  part.fields.push_back({.name = "kind",
                         .target = true,
                         .categorical = true,
                         .type = ElementType::u32,
                         .categories = {"a", "b"}});
  lay_out(part);
  part.shards = {{2, record_header_bytes + 2 * part.record_bytes, 7},
                 {1, record_header_bytes + part.record_bytes, 8}};
  return part;
}

std::string text_of_index(const RecordPart& part) {
  return format_record_index({{part}});
}

std::string index_error(const std::string& text) {
  return error_of([&] { parse_record_index(text, "records.json"); });
}

TEST(DataRecordLayout, FieldsAreAlignedAndLoseNoRoom) {
  const RecordPart part = small_part();
  EXPECT_EQ(part.fields[1].offset, 0u);
  EXPECT_EQ(part.fields[2].offset, 8u);
  EXPECT_EQ(part.fields[0].offset, 12u);
  EXPECT_EQ(part.record_bytes, 16u);
  RecordPart image;
  image.fields.push_back({.name = "features", .type = ElementType::u8, .shape = {28, 28}});
  image.fields.push_back({.name = "target", .target = true, .type = ElementType::u8});
  lay_out(image);
  EXPECT_EQ(image.record_bytes, 785u);
}

TEST(DataRecordLayout, TheIndexComesBackAndDamageIsFound) {
  const std::string text = text_of_index(small_part());
  const RecordIndex index = parse_record_index(text, "records.json");
  ASSERT_NE(index.find("train"), nullptr);
  EXPECT_EQ(index.find("test"), nullptr);
  EXPECT_EQ(format_record_index(index), text);
  for (std::size_t i = 0; i < text.size(); i += 7) {
    std::string damaged = text;
    damaged[i] ^= 1;
    if (index_error(damaged) == "no error") {
      EXPECT_EQ(format_record_index(parse_record_index(damaged, "")), text) << "at byte " << i;
    }
  }
  EXPECT_THAT(index_error(text.substr(0, text.size() / 2)), HasSubstr("prepare the data again"));
}

TEST(DataRecordLayout, WhatDoesNotFitIsRefused) {
  const auto refuses = [](const std::function<void(RecordPart&)>& change) {
    RecordPart part = small_part();
    change(part);
    return index_error(text_of_index(part)) != "no error";
  };
  EXPECT_FALSE(refuses([](RecordPart&) {}));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.samples = 4; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.samples = -1; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.shards[0].samples = 1; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.shards[1].bytes += 1; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.record_bytes = 24; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.name = "../x"; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.fields[1].name = "flag"; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.fields[0].shape = {3}; }));
  EXPECT_TRUE(refuses([](RecordPart& part) { part.fields.resize(0); }));
  EXPECT_TRUE(refuses([](RecordPart& part) {
    part.array = true;
    part.fields.erase(part.fields.begin());
    part.fields[0].shape = {1LL << 31, 1LL << 31};
  }));
}

TEST(DataRecordLayout, AShardIsKnownByItsHeader) {
  const RecordPart part = small_part();
  std::vector<std::byte> file = format_record_header(part, 2, 0);
  file.resize(part.shards[0].bytes);
  EXPECT_NO_THROW(check_record_shard(file, part, 0, "s"));
  for (std::size_t i = 0; i < record_header_bytes; ++i) {
    file[i] ^= std::byte{4};
    EXPECT_THAT(error_of([&] { check_record_shard(file, part, 0, "s"); }), HasSubstr("header"));
    file[i] ^= std::byte{4};
  }
  file.pop_back();
  EXPECT_THAT(error_of([&] { check_record_shard(file, part, 0, "s"); }), HasSubstr("bytes"));
}

/// A job whose data is prepared and loaded again.
class DataRecords : public ::testing::Test {
 protected:
  DataRecords() {
    job_.directory = directory_.path();
    ::setenv("CONVOY_CACHE", (directory_.path() / "cache").c_str(), 1);
  }
  ~DataRecords() override { ::unsetenv("CONVOY_CACHE"); }

  std::vector<PreparedPart> prepare(std::uint64_t shard_bytes = 1 << 20) {
    return prepare_data(load_options(job_), {folder(), shard_bytes, false});
  }
  fs::path folder() const { return directory_.path() / "prepared"; }

  /// The job with what was prepared in the place of its files.
  Job prepared_job() const {
    Job job = job_;
    job.data.train = {};
    job.data.train.file = "prepared";
    for (DataFiles* files : {&job.data.validation_files, &job.data.test}) {
      if (!files->empty()) *files = job.data.train;
    }
    return job;
  }
  static Splits load(const Job& job, Peers* peers = nullptr) {
    return load_splits(load_options(job), peers);
  }

  /// Whether both have the same samples, bit by bit, and the same steps.
  static void expect_same(const Splits& a, const Splits& b) {
    EXPECT_EQ(a.fitted.dump(), b.fitted.dump());
    expect_same(a.train, b.train);
    expect_same(a.validation, b.validation);
    expect_same(a.test, b.test);
  }
  static void expect_same(const std::shared_ptr<const Dataset>& a,
                          const std::shared_ptr<const Dataset>& b) {
    ASSERT_EQ(a == nullptr, b == nullptr);
    if (!a) return;
    ASSERT_EQ(a->size(), b->size());
    EXPECT_EQ(a->spec().feature_names, b->spec().feature_names);
    EXPECT_EQ(a->spec().feature_shape, b->spec().feature_shape);
    EXPECT_EQ(a->spec().class_names, b->spec().class_names);
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < a->size(); ++i) samples.push_back((i * 7 + 3) % a->size());
    const Batch first = a->read(samples);
    const Batch second = b->read(samples);
    EXPECT_TRUE(torch::equal(first.features, second.features));
    EXPECT_TRUE(torch::equal(first.target, second.target));
  }
  void expect_same_when_prepared() {
    prepare();
    expect_same(load(job_), load(prepared_job()));
  }
  std::string load_error(const Job& job) {
    return error_of([&] { load(job); });
  }

  /// A table of numbers, text and missing values.
  std::string table(int rows, bool target = true) const {
    std::mt19937 random(5);
    std::string csv = target ? "id,size,colour,late,kind\n" : "id,size,colour,late\n";
    for (int i = 0; i < rows; ++i) {
      const char* colours[] = {"red", "green", "blue", "", "7"};
      csv += fmt::format("{},{},{},{}", i % 300,
                         i % 11 == 3 ? "" : fmt::format("{}", random() % 1000 / 8.0),
                         colours[random() % 5],
                         i < rows / 2 ? "12"
                         : i % 2 == 0 ? "x"
                                      : "12");
      csv += target ? fmt::format(",{}\n", random() % 3 == 0 ? "screw" : "nail") : "\n";
    }
    return csv;
  }
  void use_table(int rows) {
    directory_.write("train.csv", table(rows));
    job_.data.train.file = "train.csv";
    job_.data.target = {"kind"};
    job_.preprocess = {step("impute"), text_mode(), step("one_hot"), step("standardise")};
    test::set(job_.preprocess[0], "with", std::string("mean"));
  }
  static PreprocessStep step(const std::string& kind) { return {kind}; }
  static PreprocessStep text_mode() { return test::impute_with("mode", {"colour", "late"}); }
  void use_idx(int samples) {
    std::mt19937 random(9);
    std::string images;
    std::string labels;
    for (int i = 0; i < samples; ++i) {
      for (int k = 0; k < 12; ++k) images += static_cast<char>(random());
      labels += static_cast<char>(random() % 4);
    }
    const auto count = static_cast<std::uint32_t>(samples);
    directory_.write("images.idx", test::idx_u8({count, 3, 4}, images));
    directory_.write("labels.idx", test::idx_u8({count}, labels));
    job_.data.train.features = "images.idx";
    job_.data.train.labels = "labels.idx";
    job_.preprocess = {step("standardise")};
  }

  test::Directory directory_;
  Job job_;
};

TEST_F(DataRecords, ATableWithTextAndMissingValues) {
  use_table(500);
  directory_.write("test.csv", table(60));
  job_.data.test.file = "test.csv";
  job_.data.validation = 0.2;
  expect_same_when_prepared();
  const RecordIndex index =
      parse_record_index(read_text_file(folder() / record_index_name), "index");
  const RecordPart& part = *index.find("train");
  EXPECT_EQ(part.samples, 500);
  EXPECT_EQ(part.fields[0].type, ElementType::u16);  // 0 to 299
  EXPECT_EQ(part.fields[1].type, ElementType::f32);  // eighths, some missing
  EXPECT_TRUE(part.fields[3].categorical) << "numbers first, text later";
  EXPECT_EQ(part.fields[3].categories, (std::vector<std::string>{"12", "x"}));
  EXPECT_TRUE(verify_folder(folder(), read_manifest(folder())).problems.empty());
}

TEST_F(DataRecords, ATableInManyShardsAndPieces) {
  use_table(20000);  // more than the rows of a piece
  const auto parts = prepare(4096);
  EXPECT_GT(parts[0].shards, 50);
  expect_same(load(job_), load(prepared_job()));
}

TEST_F(DataRecords, RowsThatStepsDrop) {
  use_table(700);
  PreprocessStep outliers = step("outliers");
  test::set(outliers, "method", std::string("z"));
  test::set(outliers, "limit", 1.5);
  test::set(outliers, "action", std::string("drop"));
  test::set(outliers, "columns", std::vector<std::string>{"size"});
  job_.preprocess = {step("drop_missing"), step("drop_duplicates"), outliers, step("one_hot"),
                     step("min_max")};
  job_.data.test_part = 0.3;
  expect_same_when_prepared();
}

TEST_F(DataRecords, EveryStepOfTables) {
  use_table(900);
  const auto of = [](PreprocessStep made, std::vector<std::string> columns) {
    test::set(made, "columns", columns);
    return made;
  };
  PreprocessStep median = of(step("impute"), {"size"});
  test::set(median, "with", std::string("median"));
  PreprocessStep hashing = of(step("hashing"), {"late"});
  test::set(hashing, "width", 3);
  PreprocessStep all = step("standardise");
  test::set(all, "per", std::string("all"));
  PreprocessStep pca = of(step("pca"), {"id", "size"});
  job_.preprocess = {median,
                     text_mode(),
                     of(step("log"), {"size"}),
                     of(step("clean_text"), {"colour"}),
                     of(step("yeo_johnson"), {"id"}),
                     of(step("robust"), {"size"}),
                     of(step("frequency"), {"colour"}),
                     hashing,
                     pca,
                     all,
                     of(step("quantile"), {"pc1"})};
  expect_same_when_prepared();
}

TEST_F(DataRecords, FeaturesAndLabelsInFilesOfTheirOwn) {
  directory_.write("x.csv", table(120, false));
  std::string labels = "y\n";
  for (int i = 0; i < 120; ++i) labels += fmt::format("{}\n", i * 0.3 - 4);
  directory_.write("y.csv", labels);
  job_.data.train.features = "x.csv";
  job_.data.train.labels = "y.csv";
  job_.preprocess = {step("drop_missing"), step("ordinal"), step("standardise")};
  expect_same_when_prepared();
}

TEST_F(DataRecords, JsonLinesAndSeveralFiles) {
  std::string lines;
  for (int i = 0; i < 50; ++i)
    lines += fmt::format("{{\"a\": {}, \"b\": {}, \"y\": {}}}\n", i, i % 7 == 0 ? "null" : "\"t\"",
                         i % 2);
  directory_.write("one.jsonl", lines);
  directory_.write("two.jsonl", lines + "{\"a\": 1.5, \"b\": \"u\", \"y\": 1}\n");
  job_.data.train.file = "*.jsonl";
  job_.data.target = {"y"};
  job_.preprocess = {step("drop_missing"), step("one_hot")};
  expect_same_when_prepared();
}

TEST_F(DataRecords, AnArrayOfBytesAndOneOfFloats) {
  use_idx(300);
  job_.data.validation = 0.1;
  expect_same_when_prepared();

  Array array;
  std::vector<float> values(40 * 6);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37F - 20;
  array.shape = {40, 6};
  array.bytes = std::as_bytes(std::span<const float>(values));
  directory_.write("x.npy", format_npy(array));
  directory_.write("y.csv", [] {
    std::string text = "y\n";
    for (int i = 0; i < 40; ++i) text += i % 3 == 0 ? "low\n" : "high\n";
    return text;
  }());
  job_.data.train.features = "x.npy";
  job_.data.train.labels = "y.csv";
  fs::remove_all(folder());
  expect_same_when_prepared();
}

TEST_F(DataRecords, AFolderOfImages) {
  const auto write_png = [&](const std::string& name, int shade) {
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    png.width = 5;
    png.height = 4;
    png.format = PNG_FORMAT_RGB;
    std::vector<std::uint8_t> pixels(60);
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<std::uint8_t>(shade + static_cast<int>(i));
    fs::create_directories((directory_.path() / name).parent_path());
    png_image_write_to_file(&png, (directory_.path() / name).c_str(), 0, pixels.data(), 0, nullptr);
  };
  for (int i = 0; i < 6; ++i)
    write_png(fmt::format("photos/{}/{}.png", i % 3 == 0 ? "cat" : "dog", i), i * 30);
  job_.data.train.file = "photos";
  job_.preprocess = {step("scale")};
  test::set(job_.preprocess[0], "by", 255);
  expect_same_when_prepared();
  EXPECT_EQ(load(prepared_job()).train->spec().class_names,
            (std::vector<std::string>{"cat", "dog"}));
}

TEST_F(DataRecords, BadSamplesAreLeftOutOnce) {
  use_table(300);
  std::string csv = table(300);
  csv.insert(csv.find('\n', 400) + 1, "1,2\n");
  csv.insert(csv.find('\n', 4000) + 1, "1,abc,red,12,nail\n");
  directory_.write("train.csv", csv);
  job_.data.on_bad_sample = "skip";
  job_.data.max_bad_samples = 0.05;
  job_.data.validation = 0.2;
  const auto parts = prepare();
  EXPECT_EQ(parts[0].samples, 300);
  EXPECT_THAT(parts[0].left_out, HasSubstr("2 of 302 samples left out"));
  Splits files = load(job_);
  const Splits records = load(prepared_job());
  EXPECT_EQ(records.skipped_samples, 0);
  files.fitted.erase("left_out");
  expect_same(files, records);
  job_.data.on_bad_sample = "stop";
  EXPECT_THAT(error_of([&] { prepare_data(load_options(job_), {directory_.path() / "other"}); }),
              HasSubstr("2 fields where 5 are expected"));
  EXPECT_FALSE(fs::exists(directory_.path() / "other"));
}

TEST_F(DataRecords, WorkersFitTheSameStepsFromTheirShares) {
  use_table(3000);
  job_.preprocess.insert(job_.preprocess.begin(), step("drop_missing"));
  prepare();
  const Splits alone = load(prepared_job());
  test::run_workers(3, [&](Peers& peers) {
    const Splits shared = load(prepared_job(), &peers);
    expect_same(alone, shared);
    EXPECT_EQ(alone.fingerprint, shared.fingerprint);
  });
}

TEST_F(DataRecords, MoreThanMemoryIsFittedInPiecesOrRefused) {
  use_table(60000);
  prepare();
  Job job = prepared_job();
  job.data.memory = 1;  // of 1.1 MiB
  const Splits splits = load(job);
  expect_same(load(job_), splits);
  EXPECT_EQ(splits.block, (1 << 20) / 64 / 20);
  EXPECT_EQ(load(prepared_job()).block, 1);
  PreprocessStep robust = step("robust");
  test::set(robust, "columns", std::vector<std::string>{"id"});
  job.preprocess = {robust};
  EXPECT_THAT(load_error(job), HasSubstr("preprocess: robust: needs all values"));
  // The numbers 0 to 299, within a thousandth.
  test::set(job.preprocess[0], "error", 0.001);
  job.preprocess.push_back(step("one_hot"));
  const auto fitted = load(job).fitted["steps"][0];
  EXPECT_NEAR(fitted["subtract"][0].get<double>(), 149.5, 0.15);
  EXPECT_NEAR(fitted["divide"][0].get<double>(), 149.5, 0.3);
  job.preprocess = {step("drop_duplicates")};
  EXPECT_THAT(load_error(job), HasSubstr("data.memory (1 MiB)"));
  EXPECT_THAT(error_of([&] { inspect_splits(load_options(job), "j", 1); }),
              HasSubstr("data.memory (1 MiB)"));
}

TEST_F(DataRecords, AnotherTargetAndColumnsLeftOut) {
  use_table(200);
  prepare();
  job_.data.target = {"id"};
  job_.data.task = "regression";
  job_.data.csv.ignore = {"late"};
  job_.preprocess[1] = test::impute_with("mode", {"colour"});
  expect_same(load(job_), load(prepared_job()));
}

TEST_F(DataRecords, ByValueAndInspected) {
  use_table(200);
  job_.partition = {.by = "value", .own = ByValue{.value = "colour", .assign = "hash"}};
  job_.data.csv.ignore = {"colour"};
  job_.preprocess[1] = test::impute_with("mode", {"late"});
  prepare();
  const Splits files = load(job_);
  const Splits records = load(prepared_job());
  expect_same(files, records);
  EXPECT_EQ(files.values.categories.size(), records.values.categories.size());
  const auto of_files = describe_partition(load_options(job_), job_.train, {.workers = 2});
  const auto of_records =
      describe_partition(load_options(prepared_job()), job_.train, {.workers = 2});
  EXPECT_EQ(of_files["lanes"].dump(), of_records["lanes"].dump());
  auto inspected = inspect_splits(load_options(job_), "j", 2);
  auto again = inspect_splits(load_options(prepared_job()), "j", 2);
  EXPECT_EQ(inspected["files"][0]["columns"].size(), again["files"][0]["columns"].size());
  EXPECT_EQ(inspected["splits"].dump(), again["splits"].dump());
  EXPECT_EQ(inspect_file(folder(), {}, 1)["files"][0]["samples"], 200);
}

TEST_F(DataRecords, NewDataThroughTheSteps) {
  use_table(200);
  prepare();
  const Splits splits = load(job_);
  const auto predict = [&](const std::string& file) {
    DataFiles files;
    files.file = file;
    return load_for_prediction(job_.data, files, splits.fitted, directory_.path());
  };
  expect_same(predict("train.csv"), predict("prepared"));
  expect_same(predict("train.csv"), predict("prepared#train"));
  EXPECT_THAT(error_of([&] { predict("prepared#test"); }), HasSubstr("no part 'test'"));
}

TEST_F(DataRecords, OnlyPreparedDataIsReplaced) {
  use_idx(20);
  prepare();
  EXPECT_THAT(error_of([&] { prepare(); }), HasSubstr("exists already"));
  use_idx(30);
  EXPECT_EQ(prepare_data(load_options(job_), {folder(), 1 << 20, true})[0].samples, 30);
  EXPECT_EQ(load(prepared_job()).train->size(), 30);
  fs::create_directories(directory_.path() / "mine");
  EXPECT_THAT(error_of([&] {
                prepare_data(load_options(job_), {directory_.path() / "mine", 1 << 20, true});
              }),
              HasSubstr("is not a folder of prepared data"));
  Job again = prepared_job();
  EXPECT_THAT(error_of([&] { prepare_data(load_options(again), {directory_.path() / "twice"}); }),
              HasSubstr("is prepared data already"));
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory_.path()))
    entries += entry.path().filename().string().starts_with(".prepare-") ? 1 : 0;
  EXPECT_EQ(entries, 0u) << "something unfinished was left";
}

TEST_F(DataRecords, DamagedShardsAreFound) {
  use_idx(3000);
  prepare(4096);
  const fs::path shard = folder() / "train/part-00002.records";
  const std::string good = read_text_file(shard);
  const auto with = [&](const std::string& content, const std::string& verify) {
    write_file_atomically(shard, content);
    Job job = prepared_job();
    job.data.verify = verify;
    return load_error(job);
  };
  EXPECT_EQ(with(good, "true"), "no error");
  std::string flipped = good;
  flipped[1000] ^= 1;
  EXPECT_THAT(with(flipped, "auto"), HasSubstr("changed in bytes"));
  EXPECT_EQ(with(flipped, "false"), "no error");
  std::string header = good;
  header[33] ^= 1;
  EXPECT_THAT(with(header, "false"), HasSubstr("header is damaged"));
  EXPECT_THAT(with(good.substr(0, 3000), "false"), HasSubstr("bytes where its index says"));
  EXPECT_THAT(with(good.substr(0, 3000), "auto"), HasSubstr("truncated"));
  fs::remove(shard);
  EXPECT_THAT(load_error(prepared_job()), HasSubstr("part-00002.records"));
  const Verification damage = verify_folder(folder(), read_manifest(folder()));
  ASSERT_EQ(damage.problems.size(), 1u);
  EXPECT_EQ(damage.problems[0].kind, FileProblem::Kind::missing);
}

TEST_F(DataRecords, WrongUseIsExplained) {
  use_idx(20);
  prepare();
  Job job = prepared_job();
  job.data.test.file = "prepared";
  EXPECT_THAT(load_error(job), HasSubstr("write"));
  EXPECT_THAT(load_error(job), HasSubstr("#train if that is meant"));
  job = prepared_job();
  job.data.train = {};
  job.data.train.features = "prepared";
  job.data.train.labels = "labels.idx";
  EXPECT_THAT(load_error(job), HasSubstr("give it as `file`"));
  job = prepared_job();
  job.data.train.file = ".";
  job.data.format = "records";
  EXPECT_THAT(load_error(job), HasSubstr("convoy data prepare"));
}

}  // namespace data_records_test
}  // namespace convoy
