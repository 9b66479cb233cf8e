// Several files read as one, and CIFAR, which comes in several files.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "convoy/data/inspect/inspect.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "convoy/data/load.hpp"
#include "data/formats/cifar.hpp"
#include "data/sources/glob.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_joined_test {

using test::bytes_of;
using test::error_of;
using test::idx_u8;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DataGlob, Matches) {
  EXPECT_TRUE(glob_matches("part-*.csv", "part-1.csv"));
  EXPECT_TRUE(glob_matches("part-*.csv", "part-.csv"));
  EXPECT_FALSE(glob_matches("part-*.csv", "part-1.csv.gz"));
  EXPECT_TRUE(glob_matches("*a*b*c", "xxaxxbxxbxxc"));
  EXPECT_FALSE(glob_matches("*a*b*c", "xxaxxcxxb"));
  EXPECT_TRUE(glob_matches("data_batch_[1-5].bin", "data_batch_3.bin"));
  EXPECT_FALSE(glob_matches("data_batch_[1-5].bin", "data_batch_6.bin"));
  EXPECT_TRUE(glob_matches("[!a-c]x", "dx"));
  EXPECT_FALSE(glob_matches("[^a-c]x", "ax"));
  EXPECT_TRUE(glob_matches("[]a]", "]"));
  EXPECT_TRUE(glob_matches("[a-]", "-"));
  EXPECT_TRUE(glob_matches("?", "é"));
  EXPECT_TRUE(glob_matches("[à-ü]", "é"));
  EXPECT_FALSE(glob_matches("?", "ab"));
  EXPECT_TRUE(glob_matches("[ab", "[ab"));
  EXPECT_FALSE(glob_matches("*", ".hidden"));
  EXPECT_TRUE(glob_matches(".*", ".hidden"));
  EXPECT_FALSE(has_wildcard("a[b.csv"));
  EXPECT_TRUE(has_wildcard("a[b].csv"));
}

TEST(DataGlob, FindsFilesInTheOrderOfTheirBytes) {
  const test::Directory folder;
  for (const char* name : {"p2", "p10", "p1", "q", ".p0", "p[1]"}) folder.write(name, "");
  std::filesystem::create_directories(folder.path() / "p9");
  std::filesystem::create_directories(folder.path() / "d1");
  std::filesystem::create_directories(folder.path() / "d2");
  folder.write("d2/x.csv", "");
  folder.write("d1/x.csv", "");
  folder.write("d1/" + std::string(manifest_name), "");
  const auto found = [&](const char* pattern) {
    std::vector<std::string> names;
    for (const auto& file : glob(folder.path() / pattern))
      names.push_back(file.lexically_relative(folder.path()).string());
    return names;
  };
  EXPECT_THAT(found("p*"), ElementsAre("p1", "p10", "p2", "p[1]"));
  EXPECT_THAT(found("p[1]"), ElementsAre("p[1]")) << "which is a file as it is";
  EXPECT_THAT(found("p[2]"), ElementsAre("p2"));
  EXPECT_THAT(found("d?/*"), ElementsAre("d1/x.csv", "d2/x.csv"));
  EXPECT_THAT(found("no/*"), ElementsAre());
}

std::string cifar_record(std::vector<int> labels, int pixel) {
  std::string record;
  for (const int label : labels) record += static_cast<char>(label);
  for (int i = 0; i < 3072; ++i) record += static_cast<char>((pixel + i / 1024) & 0xff);
  return record;
}

class DataJoined : public ::testing::Test {
 protected:
  Splits load(const DataFiles& files, Peers* peers = nullptr) {
    data_.train = files;
    return load_splits({data_, {}, 1, directory_.path()}, peers);
  }
  Splits load_file(const std::string& file) { return load({file, "", ""}); }
  std::string load_error(const DataFiles& files) {
    const std::string folder = directory_.path().string() + "/";
    std::string text = error_of([&] { load(files); });
    for (std::size_t at = 0; (at = text.find(folder)) != std::string::npos;)
      text.erase(at, folder.size());
    return text;
  }
  static Batch all(const Dataset& dataset) {
    std::vector<std::int64_t> samples(static_cast<std::size_t>(dataset.size()));
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int64_t>(i);
    return dataset.read(samples);
  }
  test::Directory directory_;
  DataOptions data_;
};

TEST_F(DataJoined, TablesAreOneTable) {
  data_.target = {"y"};
  directory_.write("all.csv", "a,b,y\n1,x,0\n2,2,1\n3,y,1\n4,z,0\n");
  directory_.write("part-1.csv", "a,b,y\n1,x,0\n2,2,1\n");
  directory_.write("part-2.csv", "a,b,y\n");
  directory_.write("part-3.csv", "a,b,y\n3,y,1\n4,z,0\n");
  data_.csv.ignore = {"b"};
  const Splits one = load_file("all.csv");
  const Splits three = load_file("part-*.csv");
  EXPECT_EQ(three.fingerprint, one.fingerprint);
  EXPECT_EQ(three.fitted, one.fitted);
  data_.csv.ignore = {};
  const std::vector<PreprocessStep> steps{{"one_hot"}};
  EXPECT_EQ(load_splits({data_, steps, 1, directory_.path()}).fitted["columns"].size(), 2);
  // A column of numbers in one file and text in another is text, as in one file.
  data_.train.file = "all.csv";
  const auto whole = load_splits({data_, steps, 1, directory_.path()});
  data_.train.file = "part-[13].csv";
  EXPECT_EQ(load_splits({data_, steps, 1, directory_.path()}).fingerprint, whole.fingerprint);
}

TEST_F(DataJoined, JsonLinesHaveTheKeysOfAllFiles) {
  data_.target = {"y"};
  directory_.write("all.jsonl", "{\"a\": 1, \"y\": 0}\n{\"b\": 2.5, \"y\": 1}\n");
  directory_.write("p1.jsonl", "{\"a\": 1, \"y\": 0}\n");
  directory_.write("p2.jsonl", "{\"b\": 2.5, \"y\": 1}\n");
  const PreprocessStep step{"impute"};
  data_.train.file = "all.jsonl";
  const Splits one = load_splits({data_, {step}, 1, directory_.path()});
  data_.train.file = "p?.jsonl";
  EXPECT_EQ(load_splits({data_, {step}, 1, directory_.path()}).fingerprint, one.fingerprint);
}

TEST_F(DataJoined, LibsvmHasTheWidthOfTheWidestFile) {
  directory_.write("all.svm", "+1 1:1\n-1 3:2\n");
  directory_.write("p1.svm", "+1 1:1\n");
  directory_.write("p2.svm", "-1 3:2\n");
  const Splits one = load_file("all.svm");
  const Splits two = load_file("p*.svm");
  EXPECT_EQ(two.fingerprint, one.fingerprint);
  EXPECT_THAT(two.train->spec().feature_shape, ElementsAre(3));
}

TEST_F(DataJoined, ArraysAreOneArray) {
  directory_.write("x-1.idx", idx_u8({2, 2}, "abcd"));
  directory_.write("x-2.idx", idx_u8({1, 2}, "ef"));
  directory_.write("y-1.idx", idx_u8({2}, test::bytes("\0\1")));
  directory_.write("y-2.idx", idx_u8({1}, "\2"));
  directory_.write("x.idx", idx_u8({3, 2}, "abcdef"));
  directory_.write("y.idx", idx_u8({3}, test::bytes("\0\1\2")));
  const Splits joined = load({"", "x-*.idx", "y-?.idx"});
  EXPECT_EQ(joined.fingerprint, load({"", "x.idx", "y.idx"}).fingerprint);
  test::run_workers(2, [&](Peers& peers) {
    DataOptions data = data_;
    data.train = {"", "x-*.idx", "y.idx"};
    EXPECT_EQ(load_splits({data, {}, 1, directory_.path()}, &peers).fingerprint,
              joined.fingerprint);
  });
  directory_.write("x-3.idx", idx_u8({1, 3}, "ghi"));
  EXPECT_EQ(load_error({"", "x-*.idx", "y.idx"}), "x-3.idx: samples of 3 where x-1.idx has 2");
  directory_.write("x-3.idx", test::bytes("\0\0\x09\2\0\0\0\1\0\0\0\2") + "gh");
  EXPECT_EQ(load_error({"", "x-*.idx", "y.idx"}),
            "x-3.idx: elements of type int8 where x-1.idx has uint8");
  directory_.write("x-4.csv", "1,2\n");
  EXPECT_EQ(load_error({"", "x-[14].*", "y.idx"}), "x-4.csv: is CSV where x-1.idx is IDX");
}

TEST_F(DataJoined, MessagesNameTheFile) {
  data_.target = {"y"};
  directory_.write("p1.csv", "a,y\n1,0\n2,1\n");
  directory_.write("p2.csv", "a,y\n3,0\n4\n");
  EXPECT_EQ(load_error({"p*.csv", "", ""}), "p2.csv:3: 1 field where 2 are expected");
  directory_.write("p2.csv", "y,a\n3,0\n");
  EXPECT_EQ(load_error({"p*.csv", "", ""}), "p2.csv: has the columns y, a where p1.csv has a, y");
  directory_.write("p2.csv", "a,y\n3,0\ninf,1\n");
  EXPECT_THAT(load_error({"p*.csv", "", ""}), HasSubstr("p2.csv:3: column 'a'"));
  directory_.write("p2.csv", "a,y\n3,0\n4,7\n");
  data_.task = "binary";
  EXPECT_EQ(load_error({"p*.csv", "", ""}), "p2.csv, sample 1: label 7 is outside 0..1");
  directory_.write("p2.csv", "a,y\n3,0\n4,\n");
  EXPECT_THAT(load_error({"p*.csv", "", ""}), HasSubstr("the first is sample 1 of "));
  EXPECT_EQ(load_error({"q*.csv", "", ""}),
            "q*.csv: no file matches; * stands for any text, ? for one character, [a-z] for one of "
            "these");
}

TEST_F(DataJoined, BadSamplesAreNumberedThroughout) {
  data_.target = {"y"};
  data_.on_bad_sample = "skip";
  data_.max_bad_samples = 0.5;
  directory_.write("p1.csv", "a,y\n1,0\n2\n3,1\n");
  directory_.write("p2.csv", "a,y\n4,0\nx,1\n6,1\n");
  const Splits splits = load_file("p*.csv");
  EXPECT_EQ(splits.skipped_samples, 2);
  ASSERT_EQ(splits.skipped.size(), 1);
  EXPECT_THAT(splits.skipped[0],
              AllOf(HasSubstr("p*.csv: 2 of 6 samples left out: 1, 4; the first: "),
                    HasSubstr("p1.csv:3: 1 field where 2 are expected")));
  EXPECT_THAT(all(*splits.train).samples, ElementsAre(0, 2, 3, 5));

  directory_.write("s1.svm", "1 1:1\nbad 1:2\n");
  directory_.write("s2.svm", "0 1:1\n0 1:x\n1 2:1\n");
  data_.target = {};
  const Splits sparse = load_file("s*.svm");
  EXPECT_THAT(sparse.skipped.at(0), HasSubstr("2 of 5 samples left out: 1, 3"));
}

TEST_F(DataJoined, AManifestKnowsWhatIsMissing) {
  data_.target = {"y"};
  directory_.write("p1.csv", "a,y\n1,0\n2,1\n");
  directory_.write("p2.csv", "a,y\n3,0\n4,1\n");
  write_manifest(directory_.path(), make_manifest(directory_.path()));
  EXPECT_EQ(load_file("*.csv").train->size(), 4);
  directory_.write("p2.csv", "a,y\n3,0\n5,1\n");
  EXPECT_THAT(load_error({"*.csv", "", ""}), HasSubstr("p2.csv: changed"));
  std::filesystem::remove(directory_.path() / "p2.csv");
  EXPECT_THAT(load_error({"*.csv", "", ""}), HasSubstr("p2.csv: missing"));
}

TEST_F(DataJoined, CifarTenIsFeaturesAndTarget) {
  directory_.write("data_batch_1.bin", cifar_record({3}, 10) + cifar_record({0}, 0));
  directory_.write("data_batch_2.bin", cifar_record({9}, 20));
  const Splits splits = load_file("data_batch_*.bin");
  EXPECT_THAT(splits.train->spec().feature_shape, ElementsAre(3, 32, 32));
  EXPECT_EQ(splits.train->spec().task, Task::classification);
  EXPECT_EQ(splits.train->spec().outputs, 10);
  const Batch batch = all(*splits.train);
  EXPECT_EQ(batch.target[2].item<int>(), 9);
  EXPECT_EQ(batch.features[0][2][31][31].item<float>(), 12);
  EXPECT_EQ(batch.features[2][1][0][0].item<float>(), 21);
  const auto predicted =
      load_for_prediction(data_, {"data_batch_2.bin", "", ""}, splits.fitted, directory_.path());
  EXPECT_EQ(predicted->size(), 1);
  EXPECT_THAT(load_error({"", "data_batch_1.bin", "data_batch_1.bin"}),
              HasSubstr("data.train.labels: data_batch_1.bin is CIFAR-10, which holds features and "
                        "target together; give it as `file`"));
  EXPECT_EQ(inspect_file(directory_.path() / "data_batch_*.bin", data_, 1)["files"][0]["samples"],
            3);
}

TEST_F(DataJoined, CifarHundredHasTheFineLabelAsTarget) {
  directory_.write("train.bin", cifar_record({3, 77}, 10) + cifar_record({19, 99}, 0));
  const Splits splits = load_file("train.bin");
  EXPECT_EQ(splits.train->spec().outputs, 100);
  EXPECT_EQ(all(*splits.train).target[0].item<int>(), 77);
}

TEST_F(DataJoined, WrongCifarIsFound) {
  directory_.write("a.bin", cifar_record({3}, 10) + cifar_record({11}, 0));
  EXPECT_THAT(load_error({"a.bin", "", ""}), HasSubstr("a.bin: is none of Arrow, CIFAR-10"));
  data_.format = "cifar10";
  EXPECT_EQ(load_error({"a.bin", "", ""}), "a.bin, sample 1: label 11 is outside 0..9");
  data_.on_bad_sample = "skip";
  data_.max_bad_samples = 0.5;
  EXPECT_EQ(load_file("a.bin").skipped_samples, 1);
  directory_.write("a.bin", cifar_record({3}, 10) + "x");
  EXPECT_EQ(load_error({"a.bin", "", ""}),
            "a.bin: truncated, or not CIFAR-10: 3074 bytes are 1 records of 3073 and 1 more");
  directory_.write("a.bin", "");
  EXPECT_EQ(load_error({"a.bin", "", ""}), "a.bin: is empty");
}

}  // namespace data_joined_test
}  // namespace convoy
