#include <gtest/gtest.h>
#include <torch/types.h>
#include <unistd.h>

#include <limits>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/infer/output.hpp"
#include "core/temporary_folder.hpp"

namespace convoy {
namespace infer_output_test {

class InferOutput : public ::testing::Test {
 protected:
  std::string csv(const DataSpec& spec, const std::vector<std::int64_t>& samples,
                  const torch::Tensor& predictions, const torch::Tensor& target = {}) {
    write_predictions(folder_ / "out.csv", "csv", spec, samples, predictions, target);
    return read_text_file(folder_ / "out.csv");
  }

  TemporaryFolder temporary_;
  std::filesystem::path folder_ = temporary_.path();
};

DataSpec three_classes() {
  DataSpec spec;
  spec.outputs = 3;
  spec.class_names = {"cat", "dog, big", "say \"hi\""};
  return spec;
}

TEST_F(InferOutput, classes_by_name_with_probabilities) {
  const auto p = torch::tensor({{0.1F, 0.7F, 0.2F}, {0.25F, 0.25F, 0.5F}});
  EXPECT_EQ(csv(three_classes(), {7, 3}, p, torch::tensor({0, 2}, torch::kLong)),
            "sample,target,predicted,p_cat,\"p_dog, big\",\"p_say \"\"hi\"\"\"\n"
            "7,cat,\"dog, big\",0.1,0.7,0.2\n"
            "3,\"say \"\"hi\"\"\",\"say \"\"hi\"\"\",0.25,0.25,0.5\n");
}

TEST_F(InferOutput, without_targets_and_names) {
  DataSpec spec;
  spec.outputs = 2;
  EXPECT_EQ(csv(spec, {0, 1}, torch::tensor({{0.5F, 0.5F}, {1e-20F, 1.0F}})),
            "sample,predicted,p_0,p_1\n0,0,0.5,0.5\n1,1,1e-20,1\n");
}

TEST_F(InferOutput, binary_targets_are_classes) {
  DataSpec spec;
  spec.task = Task::binary;
  spec.outputs = 1;
  spec.class_names = {"no", "yes"};
  EXPECT_EQ(csv(spec, {4}, torch::tensor({{0.25F, 0.75F}}), torch::tensor({{0.0F}})),
            "sample,target,predicted,p_no,p_yes\n4,no,yes,0.25,0.75\n");
}

TEST_F(InferOutput, regression_with_one_and_several_outputs) {
  DataSpec spec;
  spec.task = Task::regression;
  spec.outputs = 1;
  EXPECT_EQ(csv(spec, {0, 1}, torch::tensor({{1.5F}, {-2.0F}}), torch::tensor({{1.0F}, {0.1F}})),
            "sample,target,predicted\n0,1,1.5\n1,0.1,-2\n");
  spec.outputs = 2;
  EXPECT_EQ(csv(spec, {9}, torch::tensor({{1.5F, 3.0F}}), torch::tensor({{1.0F, 2.0F}})),
            "sample,target_0,target_1,predicted_0,predicted_1\n9,1,2,1.5,3\n");
}

TEST_F(InferOutput, no_class_where_a_probability_is_not_a_number) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::string text = csv(three_classes(), {0}, torch::tensor({{nan, 0.5F, 0.5F}}));
  EXPECT_EQ(text.substr(text.find('\n') + 1), "0,,nan,0.5,0.5\n");
}

TEST_F(InferOutput, no_samples_give_a_header) {
  EXPECT_EQ(csv(three_classes(), {}, torch::empty({0, 3})),
            "sample,predicted,p_cat,\"p_dog, big\",\"p_say \"\"hi\"\"\"\n");
}

TEST_F(InferOutput, views_are_written_in_order_of_rows) {
  DataSpec spec;
  spec.task = Task::regression;
  spec.outputs = 2;
  const auto transposed = torch::tensor({{1.0F, 2.0F}, {3.0F, 4.0F}}).t();
  EXPECT_EQ(csv(spec, {0, 1}, transposed), "sample,predicted_0,predicted_1\n0,1,3\n1,2,4\n");
}

TEST_F(InferOutput, npy_holds_the_predictions) {
  const auto p = torch::tensor({{0.1F, 0.7F, 0.2F}, {0.25F, 0.25F, 0.5F}});
  const std::vector<std::int64_t> samples = {5, 6};
  write_predictions(folder_ / "out.npy", "npy", three_classes(), samples, p, {});
  const Array array = read_npy(folder_ / "out.npy");
  EXPECT_EQ(array.type, ElementType::f32);
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3}));
  const auto read =
      torch::from_blob(const_cast<std::byte*>(array.bytes.data()), {2, 3}, torch::kFloat);
  EXPECT_TRUE(torch::equal(read, p));
}

TEST_F(InferOutput, what_does_not_fit_is_refused) {
  const DataSpec spec = three_classes();
  const auto p = torch::rand({2, 3});
  EXPECT_THROW(csv(spec, {0}, p), InputError);
  EXPECT_THROW(csv(spec, {0, 1}, torch::rand({2, 4})), InputError);
  EXPECT_THROW(csv(spec, {0, 1}, p, torch::tensor({0, 3}, torch::kLong)), InputError);
  EXPECT_THROW(csv(spec, {0, 1}, p, torch::tensor({0}, torch::kLong)), InputError);
  EXPECT_THROW(csv(spec, {0, 1}, {}), InputError);
  const std::vector<std::int64_t> samples = {0, 1};
  EXPECT_THROW(write_predictions(folder_ / "x", "xml", spec, samples, p, {}), InputError);
  EXPECT_THROW(write_predictions(folder_ / "x", "npy", spec, std::span(samples).first(1), p, {}),
               InputError);
  EXPECT_THROW(write_predictions(folder_ / "none" / "x", "csv", spec, samples, p, {}), IoError);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

}  // namespace infer_output_test
}  // namespace convoy
