// The preprocessing steps on tables, one by one, as training and as prediction see them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "convoy/data/load.hpp"
#include "data/preprocess/steps/clean.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_steps_test {

using test::error_of;
using test::step_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

PreprocessStep outliers(const std::string& method, const std::string& action, double limit = 0) {
  PreprocessStep made = step_of("outliers");
  test::set(made, "method", method);
  test::set(made, "action", action);
  test::set(made, "limit", limit);
  return made;
}

class DataSteps : public ::testing::Test {
 protected:
  DataSteps() {
    data_.train.file = "train.csv";
    data_.target = {"y"};
    data_.task = "regression";
  }

  Splits load(const std::string& csv, const std::vector<PreprocessStep>& steps) const {
    directory_.write("train.csv", csv);
    return load_splits({data_, steps, 1, directory_.path()});
  }
  std::string error(const std::string& csv, const std::vector<PreprocessStep>& steps) const {
    return error_of([&] { load(csv, steps); });
  }
  /// New data through a model's record, as it comes back from a file.
  std::shared_ptr<const Dataset> predict(const Splits& splits, const std::string& csv) const {
    directory_.write("new.csv", csv);
    const auto fitted = nlohmann::ordered_json::parse(splits.fitted.dump());
    return load_for_prediction(data_, {"new.csv", "", ""}, fitted, directory_.path());
  }
  static Batch all(const Dataset& dataset) {
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
    return dataset.read(samples);
  }
  static std::vector<float> values(const std::shared_ptr<const Dataset>& dataset) {
    const torch::Tensor flat = all(*dataset).features.contiguous().view(-1);
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
  }
  std::vector<float> made(const std::string& csv, const std::vector<PreprocessStep>& steps) const {
    return values(load(csv, steps).train);
  }

  test::Directory directory_;
  DataOptions data_;
};

// Quartiles 2 and 4, so that 1.5 of their distance end at -1 and 7.
const std::string far_value = "x,y\n1,1\n2,2\n3,3\n4,4\n100,5\n";

TEST_F(DataSteps, OutliersAreClippedMissingOrLeave) {
  EXPECT_THAT(made(far_value, {outliers("iqr", "clip")}), ElementsAre(1, 2, 3, 4, 7));
  EXPECT_THAT(made(far_value, {outliers("iqr", "clip", 48)}), ElementsAre(1, 2, 3, 4, 100));
  PreprocessStep impute = step_of("impute");
  EXPECT_THAT(made(far_value, {outliers("iqr", "missing"), impute}), ElementsAre(1, 2, 3, 4, 2.5));
  const Splits dropped = load(far_value, {outliers("iqr", "drop")});
  EXPECT_THAT(values(dropped.train), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(all(*dropped.train).samples, ElementsAre(0, 1, 2, 3));
  // What is to be predicted stays, as it is.
  EXPECT_THAT(values(predict(dropped, "x\n-1000\n3\n")), ElementsAre(-1000, 3));
  const Splits clipped = load(far_value, {outliers("iqr", "clip")});
  EXPECT_THAT(values(predict(clipped, "x\n-1000\n3\n")), ElementsAre(-1, 3));
}

TEST_F(DataSteps, OutliersByDeviationsFromTheMean) {
  // Mean 22, deviation sqrt(1522): numpy's mean() and std().
  const auto clipped = made(far_value, {outliers("z", "clip", 1)});
  EXPECT_THAT(clipped, Pointwise(FloatEq(), std::vector<float>{1, 2, 3, 4, 61.012818f}));
  EXPECT_THAT(made(far_value, {outliers("z", "drop")}), ElementsAre(1, 2, 3, 4, 100));
}

TEST_F(DataSteps, MostlyEqualValuesHaveNoOutliers) {
  // With both quartiles at 0 every other value would be one.
  const std::string csv = "x,y\n0,1\n0,2\n0,3\n0,4\n0,5\n0,6\n0,7\n9,8\n";
  EXPECT_THAT(made(csv, {outliers("iqr", "clip")}), ElementsAre(0, 0, 0, 0, 0, 0, 0, 9));
  EXPECT_THAT(made("x,y\n0.1,1\n0.1,2\n0.1,3\n", {outliers("z", "drop")}),
              ElementsAre(0.1f, 0.1f, 0.1f));
}

TEST_F(DataSteps, OutliersMindMissingValuesAndOptions) {
  PreprocessStep keep = step_of("impute");
  test::set(keep, "with", std::string("constant"));
  test::set(keep, "value", -5);
  EXPECT_THAT(made("x,y\n1,1\n,2\n3,3\n100,4\n2,5\n4,6\n", {outliers("iqr", "drop"), keep}),
              ElementsAre(1, -5, 3, 2, 4));
  EXPECT_THAT(error(far_value, {outliers("mad", "clip")}), HasSubstr("write iqr or z"));
  EXPECT_THAT(error(far_value, {outliers("z", "keep")}), HasSubstr("write clip, missing or drop"));
  EXPECT_THAT(error(far_value, {outliers("z", "clip", -1)}), HasSubstr("limit: -1"));
  EXPECT_THAT(error("x,y\n,1\n,2\n", {outliers("iqr", "clip")}),
              HasSubstr("column 'x' has no value in the training split"));
}

TEST_F(DataSteps, OnlyTrainingRowsLeave) {
  std::string csv = "x,y\n";
  for (int i = 0; i < 40; ++i) csv += fmt::format("{},{}\n", i % 2 ? 1000 : 5, i % 2);
  data_.validation = 0.25;
  data_.test_part = 0.25;
  const Splits splits = load(csv, {step_of("drop_duplicates")});
  EXPECT_EQ(splits.train->size(), 2);
  EXPECT_EQ(splits.validation->size(), 10);
  EXPECT_EQ(splits.test->size(), 10);
  EXPECT_EQ(predict(splits, "x\n5\n5\n5\n")->size(), 3);
}

TEST_F(DataSteps, DuplicatesAreEqualInAllThatCounts) {
  const std::string csv = "a,c,y\n1,red,1\n1,red,2\n-0,,3\n0,,3\n,red,4\n,red,4\n1,red,1\n";
  const std::vector<PreprocessStep> fill = {test::impute_with("mode"), step_of("ordinal")};
  const auto kept = [&](const std::vector<std::string>& columns) {
    std::vector<PreprocessStep> steps = {step_of("drop_duplicates", columns)};
    steps.insert(steps.end(), fill.begin(), fill.end());
    return all(*load(csv, steps).train).samples;
  };
  EXPECT_THAT(kept({}), ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(kept({"a", "c"}), ElementsAre(0, 2, 4));
  EXPECT_THAT(kept({"y"}), ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(kept({"c"}), ElementsAre(0, 2));
  EXPECT_THAT(error(csv, {step_of("drop_duplicates", {"b"})}), HasSubstr("no column 'b'"));
}

TEST_F(DataSteps, TextBecomesNumbersOrAnErrorThatNamesTheRow) {
  const std::string csv = "n,y\n12,1\n+3.5,2\n?,3\nabout 4,4\n-1e2,5\n";
  EXPECT_THAT(
      error(csv, {step_of("to_number")}),
      AllOf(HasSubstr("train.csv, sample 3: column 'n' is 'about 4', which is not a number"),
            HasSubstr("to_number: {columns: [n], invalid: true}")));
  PreprocessStep tolerant = step_of("to_number");
  test::set(tolerant, "invalid", true);
  PreprocessStep impute = step_of("impute");
  test::set(impute, "with", std::string("median"));
  const Splits splits = load(csv, {tolerant, impute});
  EXPECT_THAT(values(splits.train), ElementsAre(12, 3.5, 3.5, 3.5, -100));
  EXPECT_THAT(values(predict(splits, "n\n7\nseven\ninf\n")), ElementsAre(7, 3.5, 3.5));
  // A column may hold numbers already; one named "1,234" is no plain number.
  EXPECT_THAT(made("n,y\n1,1\n2,2\n", {step_of("to_number", {"n"})}), ElementsAre(1, 2));
  EXPECT_THAT(error("n,y\n\"1,234\",1\nx,2\n", {step_of("to_number")}), HasSubstr("'1,234'"));
}

TEST_F(DataSteps, PredictionNamesTextThatIsNoNumber) {
  data_.csv.categorical = {"n"};
  const Splits splits = load("n,y\n1,1\n2,2\n", {step_of("to_number")});
  EXPECT_THAT(values(predict(splits, "n\n5\n")), ElementsAre(5));
  EXPECT_THAT(error_of([&] { predict(splits, "n\n5\nfive\n"); }),
              HasSubstr("new.csv, sample 1: column 'n' is 'five'"));
}

TEST_F(DataSteps, NumbersBecomeText) {
  const Splits splits = load("n,y\n1,1\n2.50,2\n1.0,3\n-0,4\n0,5\n1e300,6\n",
                             {step_of("to_text", {"n"}), step_of("one_hot")});
  EXPECT_THAT(splits.train->spec().feature_names, ElementsAre("n=0", "n=1", "n=1e+300", "n=2.5"));
  EXPECT_THAT(values(predict(splits, "n\n2.5\n3\n")), ElementsAre(0, 0, 0, 1, 0, 0, 0, 0));
  EXPECT_THAT(error("n,y\n1,1\n", {step_of("to_text")}), HasSubstr("name the columns"));
}

TEST_F(DataSteps, CategoriesBecomeTheirPlaceInOrder) {
  const Splits splits =
      load("c,y\nred,1\nblue,2\n,3\nGreen,4\nred,5\n", {step_of("ordinal"), step_of("impute")});
  EXPECT_THAT(values(splits.train), ElementsAre(2, 1, 1.25, 0, 2));
  EXPECT_THAT(values(predict(splits, "c\npink\nred\nGreen\n")), ElementsAre(-1, 2, 0));
}

TEST_F(DataSteps, CategoriesBecomeTheirPartOfTheRows) {
  const Splits splits =
      load("c,y\nred,1\nblue,2\n,3\nred,4\n", {step_of("frequency"), step_of("impute")});
  const float mean = static_cast<float>((0.5 + 0.25 + 0.5) / 3);
  EXPECT_THAT(values(splits.train), ElementsAre(0.5, 0.25, mean, 0.5));
  EXPECT_THAT(values(predict(splits, "c\nblue\npink\n")), ElementsAre(0.25, 0));
}

TEST_F(DataSteps, CategoriesAreHashedToColumns) {
  PreprocessStep hashing = step_of("hashing");
  test::set(hashing, "width", 4);
  const Splits splits = load("c,n,y\nred,7,1\nblue,8,2\n,9,3\n", {hashing});
  EXPECT_THAT(splits.train->spec().feature_names, ElementsAre("c#0", "c#1", "c#2", "c#3", "n"));
  // XXH64 of "c=red" is fa66c39a4c05fe4b, of "c=blue" bb77861b1deb5720. Models depend on it.
  EXPECT_THAT(values(splits.train), ElementsAre(0, 0, 0, -1, 7, -1, 0, 0, 0, 8, 0, 0, 0, 0, 9));
  const auto fresh = values(predict(splits, "c,n\npurple,1\n"));
  EXPECT_EQ(std::abs(fresh[0]) + std::abs(fresh[1]) + std::abs(fresh[2]) + std::abs(fresh[3]), 1);
  test::set(hashing, "width", 0);
  EXPECT_THAT(error("c,y\nred,1\n", {hashing}), HasSubstr("width: 0"));
}

TEST_F(DataSteps, TextIsCleaned) {
  const Splits splits =
      load("c,y\n\"  Red \",1\nRED,2\n\"dark\t  red\",3\n\" \",4\nred,5\n",
           {step_of("clean_text"), test::impute_with("mode"), step_of("one_hot")});
  EXPECT_THAT(splits.train->spec().feature_names, ElementsAre("c=dark red", "c=red"));
  EXPECT_THAT(values(splits.train), ElementsAre(0, 1, 0, 1, 1, 0, 0, 1, 0, 1));
  EXPECT_THAT(values(predict(splits, "c\n\"DARK  RED\"\n")), ElementsAre(1, 0));
}

TEST(DataCleanText, FoldsCaseAndBlanks) {
  using steps::clean_text;
  EXPECT_EQ(clean_text("  A\t\n b\x01 C  "), "a b c");
  EXPECT_EQ(clean_text("ÄÖÜß ÉÑ Ž Œ Ÿ ×"), "äöüß éñ ž œ ÿ ×");
  EXPECT_EQ(clean_text("ΑΣΏ ЖЁ Ӏ"), "ασώ жё ӏ");
  EXPECT_EQ(clean_text("日本\u3000語 😀\u00a0X"), "日本 語 😀 x");
  EXPECT_EQ(clean_text("\xff\xc3"), "\xff\xc3");
  EXPECT_EQ(clean_text(" \u2003\u0085 "), "");
  EXPECT_EQ(clean_text("\uFEFFa\u007F"), "a");
}

TEST_F(DataSteps, RobustUsesMedianAndQuartiles) {
  // RobustScaler: center_ 2.5, scale_ 1.5 for 1 2 3 4; a constant column is only centred.
  const Splits splits = load("x,c,y\n1,7,1\n2,7,2\n3,7,3\n4,7,4\n", {step_of("robust")});
  EXPECT_THAT(values(splits.train),
              Pointwise(FloatEq(), std::vector<float>{-1, 0, -1.0f / 3, 0, 1.0f / 3, 0, 1, 0}));
}

TEST_F(DataSteps, QuantilesMakeAnyDistributionEvenOrNormal) {
  PreprocessStep quantile = step_of("quantile");
  const std::string csv = "x,y\n1,1\n10,2\n10,3\n100,4\n1000,5\n";
  const Splits uniform = load(csv, {quantile});
  EXPECT_THAT(values(uniform.train), ElementsAre(0, 0.375, 0.375, 0.75, 1));
  EXPECT_THAT(values(predict(uniform, "x\n-5\n55\n5000\n")), ElementsAre(0, 0.625, 1));
  test::set(quantile, "output", std::string("normal"));
  EXPECT_THAT(made(csv, {quantile}),
              Pointwise(FloatEq(), std::vector<float>{-5.1993375f, -0.31863937f, -0.31863937f,
                                                      0.6744898f, 5.1993375f}));
  test::set(quantile, "quantiles", 1);
  EXPECT_THAT(error(csv, {quantile}), HasSubstr("quantiles: 1"));
}

TEST_F(DataSteps, LogTakesNumbersAboveMinusOne) {
  const Splits splits = load("x,y\n0,1\n-0.5,2\n9,3\n", {step_of("log")});
  EXPECT_THAT(values(splits.train),
              Pointwise(FloatEq(), std::vector<float>{0, -0.6931472f, 2.3025851f}));
  EXPECT_THAT(error("x,y\n0,1\n-1,2\n", {step_of("log")}),
              HasSubstr("train.csv, sample 1: column 'x' is -1; log takes numbers above -1"));
  EXPECT_THAT(error_of([&] { predict(splits, "x\n3\n-2\n"); }),
              HasSubstr("new.csv, sample 1: column 'x' is -2"));
}

TEST_F(DataSteps, PowersAreFittedAndStandardised) {
  // PowerTransformer(method=...).fit_transform of the column, scikit-learn 1.2.1.
  const std::string csv = "x,y\n1,1\n2,2\n4,3\n8,4\n16,5\n";
  const std::vector<float> even = {-1.4142135f, -0.70710677f, 0, 0.70710677f, 1.4142135f};
  EXPECT_THAT(made(csv, {step_of("box_cox")}), Pointwise(FloatNear(1e-5f), even));
  EXPECT_THAT(error("x,y\n1,1\n0,2\n", {step_of("box_cox")}),
              HasSubstr("train.csv, sample 1: column 'x' is 0; box_cox takes numbers above 0"));
  EXPECT_THAT(made("x,y\n3,1\n3,2\n", {step_of("box_cox")}), ElementsAre(0, 0));
  const auto both = made("x,y\n-3,1\n-1,2\n0,3\n1,4\n3,5\n", {step_of("yeo_johnson")});
  EXPECT_THAT(both, Pointwise(FloatNear(1e-5f), std::vector<float>{-1.5f, -0.5f, 0, 0.5f, 1.5f}));
}

TEST_F(DataSteps, MissingValuesStayMissing) {
  PreprocessStep zero = step_of("impute");
  test::set(zero, "with", std::string("constant"));
  test::set(zero, "value", -9);
  for (const char* kind : {"robust", "quantile", "log", "box_cox", "yeo_johnson"}) {
    const auto out = made("x,y\n1,1\n,2\n3,3\n5,4\n", {step_of(kind), zero});
    EXPECT_EQ(out[1], -9) << kind;
    EXPECT_NE(out[0], -9) << kind;
  }
}

TEST_F(DataSteps, PrincipalComponentsTakeTheColumnsPlace) {
  PreprocessStep pca = step_of("pca", {"a", "b"});
  test::set(pca, "whiten", false);
  const std::string csv = "a,c,b,y\n1,9,2,1\n2,9,4,2\n3,9,6,3\n4,9,8,4\n";
  // b is 2 a: one direction, (1, 2) / sqrt(5), has all variance.
  const Splits splits = load(csv, {pca});
  EXPECT_THAT(splits.train->spec().feature_names, ElementsAre("pc1", "pc2", "c"));
  const float root = std::sqrt(5.0f);
  EXPECT_THAT(
      values(splits.train),
      Pointwise(FloatNear(1e-6f), std::vector<float>{-1.5f * root, 0, 9, -0.5f * root, 0, 9,
                                                     0.5f * root, 0, 9, 1.5f * root, 0, 9}));
  test::set(pca, "components", 1);
  test::set(pca, "whiten", true);
  const float deviation = std::sqrt(5.0f / 3);
  const Splits white = load(csv, {pca});
  EXPECT_THAT(values(predict(white, "a,b,c\n3.5,7,1\n")),
              Pointwise(FloatNear(1e-6f), std::vector<float>{1 / deviation, 1}));
  EXPECT_THAT(error_of([&] { predict(white, "a,b,c\n3.5,,1\n"); }),
              HasSubstr("column 'b' has 1 missing value; put impute"));
  test::set(pca, "components", 3);
  EXPECT_THAT(error(csv, {pca}), HasSubstr("components: 3: there are at most 2"));
  EXPECT_THAT(error("pc1,a,y\n1,2,3\n2,3,4\n", {step_of("pca", {"a"})}),
              HasSubstr("makes a column 'pc1', and there is one already"));
  EXPECT_THAT(error("a,b,y\n1,2,3\n2,,4\n", {step_of("pca")}), HasSubstr("before pca"));
  EXPECT_THAT(error("a,y\n1,2\n", {step_of("pca")}), HasSubstr("one row"));
}

TEST_F(DataSteps, AStepWithoutAColumnIsLeftOut) {
  const Splits splits = load("x,y\n1,1\n2,2\n", {step_of("one_hot"), step_of("ordinal")});
  EXPECT_THAT(splits.fitted["steps"], IsEmpty());
  EXPECT_THAT(values(predict(splits, "x\n5\n")), ElementsAre(5));
}

}  // namespace data_steps_test
}  // namespace convoy
