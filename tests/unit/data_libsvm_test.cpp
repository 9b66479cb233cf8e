#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "data/formats/libsvm.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_libsvm_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

std::vector<float> dense(const LibsvmSamples& samples) {
  std::vector<float> values(samples.features.bytes.size() / sizeof(float));
  std::memcpy(values.data(), samples.features.bytes.data(), samples.features.bytes.size());
  return values;
}

std::string svm_error(const std::string& text, const LibsvmOptions& options = {}) {
  return error_of([&] { parse_libsvm(text, "a.svm", options); });
}

TEST(DataLibsvm, FillsInTheZeros) {
  const LibsvmSamples samples = parse_libsvm(
      "# made by hand\n"
      "+1 1:0.5 3:-2e1 # a comment\n"
      "\n"
      "-1\t2:1\r\n"
      "2.5 qid:7 4:+3 \n"
      "0",
      "a.svm");
  EXPECT_THAT(samples.labels, ElementsAre(1, -1, 2.5, 0));
  EXPECT_THAT(samples.features.shape, ElementsAre(4, 4));
  EXPECT_EQ(samples.features.type, ElementType::f32);
  EXPECT_THAT(dense(samples), ElementsAre(0.5, 0, -20, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0));
}

TEST(DataLibsvm, TheWidthMayBeGiven) {
  LibsvmOptions options;
  options.width = 3;
  EXPECT_THAT(dense(parse_libsvm("1 2:5\n", "a.svm", options)), ElementsAre(0, 5, 0));
  EXPECT_THAT(dense(parse_libsvm("1\n", "a.svm", options)), ElementsAre(0, 0, 0));
  EXPECT_EQ(svm_error("1 2:5\n0 1:1 4:2\n", options),
            "a.svm:2: index 4, but a sample has 3 features (data.width)");
}

TEST(DataLibsvm, NewDataMayLackLabels) {
  LibsvmOptions options;
  options.label_optional = true;
  const LibsvmSamples samples = parse_libsvm("1:5\n7 1:6\nqid:1 1:8\n", "a.svm", options);
  EXPECT_THAT(samples.labels, ElementsAre(IsNan(), 7, IsNan()));
  EXPECT_THAT(dense(samples), ElementsAre(5, 6, 8));
  EXPECT_EQ(svm_error("1:5\n"),
            "a.svm:1: the label '1:5' is not a number; a line begins with its label");
}

TEST(DataLibsvm, NamesTheLineOfWhatIsWrong) {
  const auto error = [](const std::string& line) { return svm_error("1 1:1\n#\n" + line + "\n"); };
  EXPECT_EQ(error("1 0:1"), "a.svm:3: index 0, but the first feature has index 1");
  EXPECT_EQ(error("1 2:1 2:1"), "a.svm:3: index 2 after index 2; they must ascend");
  EXPECT_EQ(error("1 5:1 3:1"), "a.svm:3: index 3 after index 5; they must ascend");
  for (const char* word :
       {"x", "x:1", ":1", "1:", "-1:1", "+1:1", "1.5:1", "1:x", "1:1:1", "qid:1"})
    EXPECT_EQ(error("1 1:1 " + std::string(word)),
              fmt::format("a.svm:3: '{}' is not index:value", word));
  EXPECT_EQ(error("1 1:nan"), "a.svm:3: '1:nan': the value is not a finite 32-bit number");
  EXPECT_EQ(error("1 1:1e39"), "a.svm:3: '1:1e39': the value is not a finite 32-bit number");
  EXPECT_EQ(error("cat 1:1"), "a.svm:3: the label 'cat' is not a number");
  EXPECT_EQ(error("1,2 1:1"), "a.svm:3: the label '1,2' is not a number");
  EXPECT_EQ(error("inf 1:1"), "a.svm:3: the label 'inf' is not a finite number");
  EXPECT_EQ(error("1 \xff"), "a.svm:3: text that is not UTF-8 is not index:value");
  EXPECT_EQ(error("1 1000001:1"), "a.svm:3: index 1000001 is above 1000000");
  EXPECT_THAT(error("1 99999999999999999999:1"), HasSubstr("is above 1000000"));
}

TEST(DataLibsvm, WholeTextsThatAreNone) {
  EXPECT_EQ(svm_error(""), "a.svm:1: is empty");
  EXPECT_EQ(svm_error("# nothing\n"), "a.svm:1: is empty");
  EXPECT_EQ(svm_error("1\n0\n"), "a.svm: has no features: there is no index:value on any line");
}

TEST(DataLibsvm, MemoryIsBounded) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "1 1000000:1\n";
  EXPECT_EQ(svm_error(text),
            "a.svm: 5000 samples of 1000000 features take more than 17179869184 bytes with their "
            "zeros");
  LibsvmOptions options;
  options.most_bytes = 24;
  EXPECT_EQ(svm_error("1 3:1\n0 1:1\n", options), "no error");
  EXPECT_THAT(svm_error("1 3:1\n0 4:1\n", options), HasSubstr("more than 24 bytes"));
}

TEST(DataLibsvm, BadLinesAreNamedAndTheRestIsRead) {
  LibsvmOptions options;
  options.tolerant = true;
  const LibsvmSamples samples = parse_libsvm("1 1:1\n2 1:2 9:x\n#\ncat\n4 2:4\n", "a.svm", options);
  EXPECT_THAT(samples.labels, ElementsAre(1, IsNan(), IsNan(), 4));
  EXPECT_THAT(dense(samples), ElementsAre(1, 0, 0, 0, 0, 0, 0, 4));
  ASSERT_EQ(samples.bad.size(), 2u);
  EXPECT_EQ(samples.bad[0].row, 1);
  EXPECT_EQ(samples.bad[0].problem, "a.svm:2: '9:x' is not index:value");
  EXPECT_EQ(samples.bad[1].problem, "a.svm:4: the label 'cat' is not a number");
}

TEST(DataLibsvm, IsRecognised) {
  for (const char* text : {"1 1:1\n", "# c\n\n-1 3:0.5 4:1\n", "0 qid:3 1:1", "+1 5:1 # x\n"})
    EXPECT_TRUE(is_libsvm(text)) << text;
  for (const char* text :
       {"", "#\n", "1\n", "1 2\n", "a b:1\n", "1,2:3\n", "time value\n12:30 1\n"})
    EXPECT_FALSE(is_libsvm(text)) << text;
  std::string wide = "1";
  for (int i = 1; i < 10'000; ++i) wide += fmt::format(" {}:1", i);
  EXPECT_TRUE(is_libsvm(wide));
}

}  // namespace data_libsvm_test
}  // namespace convoy
