// The preprocessing steps beside scikit-learn, on the data sets it carries. sklearn_compare.py
// writes the tables and compares; what comes between goes through load_splits as a job's data does.
#include <ATen/Functions.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>

#include "convoy/data/load.hpp"
#include "core/temporary_folder.hpp"
#include "paths.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace sklearn_test {

/// A case of sklearn_compare.py: its name there, its tables, the same in steps of Convoy.
struct SklearnCase {
  std::string name;
  std::string table;
  std::vector<PreprocessStep> steps;
};

PreprocessStep step(const std::string& kind) {
  return {kind};
}

PreprocessStep quantile(const std::string& output) {
  return {"quantile", QuantileOptions{.output = output, .quantiles = 100}};
}

PreprocessStep impute(const std::string& with) {
  return {"impute", ImputeOptions{.with = with}};
}

std::vector<SklearnCase> cases() {
  return {
      {"standardise", "plain", {step("standardise")}},
      {"min_max", "plain", {step("min_max")}},
      {"robust", "plain", {step("robust")}},
      {"quantile_uniform", "plain", {quantile("uniform")}},
      {"quantile_normal", "plain", {quantile("normal")}},
      {"box_cox", "positive", {step("box_cox")}},
      {"yeo_johnson", "plain", {step("yeo_johnson")}},
      {"one_hot", "text", {step("one_hot")}},
      {"ordinal", "text", {step("ordinal")}},
      {"impute_mean", "missing", {impute("mean")}},
      {"impute_median", "missing", {impute("median")}},
      {"impute_mode", "missing", {impute("mode")}},
      {"pca", "plain", {step("standardise"), step("pca")}},
  };
}

/// The features of a split as CSV, with all digits.
void write_features(const std::filesystem::path& path, const Dataset& dataset) {
  std::vector<std::int64_t> samples;
  for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
  const at::Tensor features = dataset.read(samples).features.contiguous();
  const float* value = features.data_ptr<float>();
  std::ofstream out(path);
  for (std::int64_t row = 0; row < features.size(0); ++row) {
    for (std::int64_t column = 0; column < features.size(1); ++column)
      out << fmt::format("{}{}", column ? "," : "", static_cast<double>(*value++));
    out << "\n";
  }
}

void transform(const std::filesystem::path& folder, const SklearnCase& one,
               const std::string& data_set) {
  DataOptions data;
  data.train.file = fmt::format("{}.{}.train.csv", data_set, one.table);
  data.test.file = fmt::format("{}.{}.test.csv", data_set, one.table);
  data.target = {"y"};
  data.task = "regression";
  const Splits splits = load_splits({data, one.steps, 1, folder});
  write_features(folder / fmt::format("{}.{}.train.csv", one.name, data_set), *splits.train);
  write_features(folder / fmt::format("{}.{}.test.csv", one.name, data_set), *splits.test);
}

Outcome python(const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
  std::vector<std::string> words = {"/usr/bin/python3"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Process::of(words, folder, "python").wait();
}

TEST(Sklearn, TheSameStepsGiveTheSameNumbers) {
  const TemporaryFolder folder;
  const std::string script = convoy::testing::source_folder() + "/tests/system/sklearn_compare.py";
  if (!std::filesystem::exists("/usr/bin/python3") ||
      python({"-c", "import sklearn"}, folder.path()).status != 0) {
    GTEST_SKIP() << "Debian's python3-sklearn is not installed";
  }
  const Outcome prepared = python({script, "prepare", folder.path()}, folder.path());
  ASSERT_EQ(prepared.status, 0) << prepared.err;
  for (const SklearnCase& one : cases()) {
    for (const char* data_set : {"wine", "breast_cancer", "diabetes", "iris"})
      transform(folder.path(), one, data_set);
  }
  const Outcome compared = python({script, "compare", folder.path()}, folder.path());
  EXPECT_EQ(compared.status, 0) << compared.err;
  std::cout << compared.out;
}

}  // namespace sklearn_test
}  // namespace convoy::testing
