// The record of fitted steps, which comes from a model file: nothing in it is believed unseen.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "convoy/data/preprocess/step.hpp"
#include "data/preprocess/eigen.hpp"
#include "data/preprocess/minimise.hpp"
#include "data/preprocess/power.hpp"
#include "data/preprocess/quantiles.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_fitted_step_test {

using Record = nlohmann::ordered_json;
using ::testing::ElementsAre;

/// One sound record of each kind.
std::vector<Record> sound_records() {
  const auto parse = [](const char* text) { return Record::parse(text); };
  const char* const affine = R"("columns":["a"],"subtract":[1.5],"divide":[2],"add":[0])";
  std::vector<Record> records;
  for (const char* kind : {"scale", "standardise", "min_max", "robust"})
    records.push_back(Record::parse(fmt::format(R"({{"kind":"{}",{}}})", kind, affine)));
  for (const char* kind : {"box_cox", "yeo_johnson"}) {
    records.push_back(
        Record::parse(fmt::format(R"({{"kind":"{}",{},"lambdas":[0.5]}})", kind, affine)));
  }
  for (const char* text :
       {R"({"kind":"clip","low":0,"high":1})", R"({"kind":"log","columns":["a"]})",
        R"({"kind":"quantile","columns":["a"],"quantiles":[[1,2,2]],"output":"normal"})",
        R"({"kind":"outliers","columns":["a"],"lower":[0],"upper":[1],"action":"drop"})",
        R"({"kind":"impute","columns":["a"],"numbers":[1],"texts":[""]})",
        R"({"kind":"one_hot","columns":["a"],"categories":[["x","y"]]})",
        R"({"kind":"ordinal","columns":["a"],"categories":[["x","y"]]})",
        R"({"kind":"frequency","columns":["a"],"categories":[["x"]],"parts":[[0.5]]})",
        R"({"kind":"hashing","columns":["a"],"width":8})",
        R"({"kind":"to_number","columns":["a"],"invalid":true})",
        R"({"kind":"to_text","columns":["a"]})", R"({"kind":"clean_text","columns":["a"]})",
        R"({"kind":"drop_missing"})", R"({"kind":"drop_duplicates","columns":["a"]})",
        R"({"kind":"pca","columns":["a"],"subtract":[1],"divide":[2],"components":[[1]]})"})
    records.push_back(parse(text));
  return records;
}

bool is_refused(const Record& record) {
  try {
    fitted_step(record);
  } catch (const InputError&) {
    return true;
  } catch (const nlohmann::json::exception&) {
    return true;
  }
  return false;
}

TEST(DataFittedStep, ARecordComesBackAsItWas) {
  for (const Record& record : sound_records()) {
    const Record again = to_json(*fitted_step(record));
    EXPECT_EQ(to_json(*fitted_step(again)).dump(), again.dump());
    for (const auto& [key, value] : record.items()) EXPECT_EQ(again.value(key, Record()), value);
  }
}

TEST(DataFittedStep, AMissingMemberIsRefused) {
  for (const Record& record : sound_records()) {
    for (const auto& [key, value] : record.items()) {
      // What has a default, and what arrays do without: as many columns as there are entries.
      if (key == "invalid" || key == "columns" || (record["kind"] == "clip" && key == "low"))
        continue;
      Record damaged = record;
      damaged.erase(key);
      EXPECT_TRUE(is_refused(damaged)) << damaged.dump();
    }
  }
}

TEST(DataFittedStep, ALongerListOrAnotherTypeIsRefused) {
  for (const Record& record : sound_records()) {
    for (const auto& [key, value] : record.items()) {
      Record other = record;
      other[key] = Record::object({{"a", 1}});
      EXPECT_TRUE(is_refused(other)) << other.dump();
      if (!value.is_array() || key == "columns") continue;
      Record longer = record;
      longer[key].push_back(value[0]);
      EXPECT_TRUE(is_refused(longer)) << longer.dump();
    }
  }
}

TEST(DataFittedStep, ImpossibleNumbersAreRefused) {
  for (const char* text :
       {R"({"kind":"scale","subtract":[0],"divide":[0],"add":[0]})",
        R"({"kind":"scale","subtract":[0],"divide":[null],"add":[0]})",
        R"({"kind":"clip","low":1,"high":0})",
        R"({"kind":"quantile","quantiles":[[]],"output":"normal"})",
        R"({"kind":"quantile","quantiles":[[2,1]],"output":"normal"})",
        R"({"kind":"quantile","quantiles":[[1,2]],"output":"even"})",
        R"({"kind":"outliers","columns":["a"],"lower":[2],"upper":[1],"action":"clip"})",
        R"({"kind":"outliers","columns":["a"],"lower":[0],"upper":[1],"action":"none"})",
        R"({"kind":"ordinal","columns":["a"],"categories":[["y","x"]]})",
        R"({"kind":"ordinal","columns":["a"],"categories":[["x","x"]]})",
        R"({"kind":"frequency","columns":["a"],"categories":[["x"]],"parts":[[0.5,0.5]]})",
        R"({"kind":"hashing","columns":["a"],"width":0})",
        R"({"kind":"hashing","columns":["a"],"width":100000000})",
        R"({"kind":"pca","columns":["a"],"subtract":[1],"divide":[2],"components":[[1,2]]})",
        R"({"kind":"pca","columns":[],"subtract":[],"divide":[],"components":[]})",
        R"({"kind":"pca","columns":["a"],"subtract":[1],"divide":[2,1],"components":[[1],[1]]})",
        R"({"kind":"wavelet","columns":["a"]})"})
    EXPECT_TRUE(is_refused(Record::parse(text))) << text;
}

TEST(DataNumerics, TheNormalQuantileIsTheInverseOfTheDistribution) {
  for (const double p : {1e-300, 1e-20, 1e-7, 0.001, 0.07, 0.0750001, 0.2, 0.5, 0.925, 0.999}) {
    const double back = std::erfc(-normal_quantile(p) / std::sqrt(2.0)) / 2;
    EXPECT_NEAR(back / p, 1, 1e-12) << p;
  }
  EXPECT_EQ(normal_quantile(0), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(normal_quantile(1), std::numeric_limits<double>::infinity());
}

TEST(DataNumerics, AMinimumIsFoundFarFromWhereTheSearchBegins) {
  EXPECT_NEAR(minimise([](double x) { return (x - 300) * (x - 300); }, -2, 2), 300, 1e-4);
  EXPECT_NEAR(minimise([](double x) { return std::abs(x + 7.5); }, -2, 2), -7.5, 1e-6);
  // Without a minimum the search ends all the same.
  minimise([](double x) { return -x; }, -2, 2);
  minimise([](double) { return std::numeric_limits<double>::infinity(); }, -2, 2);
}

TEST(DataNumerics, SmallEigenvaluesOfUnequalScalesAreAccurate) {
  // The product of the eigenvalues is the determinant, which scales like its diagonal does.
  const std::size_t size = 8;
  std::vector<double> matrix(size * size);
  const auto scale = [](std::size_t i) { return std::pow(10.0, -static_cast<double>(i)); };
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j)
      matrix[i * size + j] = (i == j ? 1 : 0.3) * scale(i) * scale(j);
  }
  const EigenPairs eigen = eigen_symmetric(matrix, size);
  double product = 1;
  for (std::size_t i = 0; i < size; ++i) product *= eigen.values[i] / (scale(i) * scale(i));
  EXPECT_NEAR(product / (std::pow(0.7, 7) * (0.7 + 8 * 0.3)), 1, 1e-12);
  for (std::size_t k = 0; k < size; ++k) {
    double length = 0;
    for (const double x : eigen.vectors[k]) length += x * x;
    EXPECT_NEAR(length, 1, 1e-14);
    EXPECT_GT(eigen.vectors[k][k], 0.9);
  }
}

TEST(DataNumerics, EqualAndZeroEigenvaluesDoNoHarm) {
  EXPECT_THAT(eigen_symmetric({2, 0, 0, 2}, 2).values, ElementsAre(2, 2));
  EXPECT_THAT(eigen_symmetric({0, 0, 0, 0}, 2).values, ElementsAre(0, 0));
  const EigenPairs one = eigen_symmetric({1, 1, 1, 1}, 2);
  EXPECT_NEAR(one.values[0], 2, 1e-15);
  EXPECT_NEAR(one.values[1], 0, 1e-15);
}

TEST(DataNumerics, PowersAreContinuousWhereTheirFormulaChanges) {
  EXPECT_EQ(box_cox(3, 0), std::log(3.0));
  EXPECT_NEAR(box_cox(3, 1e-12), std::log(3.0), 1e-11);
  EXPECT_DOUBLE_EQ(box_cox(3, 2), 4);
  EXPECT_TRUE(std::isnan(box_cox(0, 1)));
  EXPECT_DOUBLE_EQ(yeo_johnson(2, 2), 4);
  EXPECT_DOUBLE_EQ(yeo_johnson(-2, 0), -4);
  EXPECT_NEAR(yeo_johnson(-2, 2 - 1e-12), -std::log(3.0), 1e-11);
  EXPECT_EQ(yeo_johnson(0, 0.7), 0);
  EXPECT_TRUE(std::isnan(yeo_johnson(std::nan(""), 0.7)));
}

}  // namespace data_fitted_step_test
}  // namespace convoy
