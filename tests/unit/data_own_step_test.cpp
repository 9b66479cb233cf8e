// Preprocessing steps and an augmentation that a program registers, with public headers alone: from
// a job, by several workers, and again from the model's record.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "convoy/data/images/augment.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/preprocess/column_counts.hpp"
#include "convoy/data/preprocess/columns.hpp"
#include "convoy/data/preprocess/elementwise.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/job/job.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_own_step_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A step on tables: a text becomes its length, as a part of the longest one's in training.

struct LengthOptions {
  std::int64_t most = 100;
  std::vector<std::string> columns;
};
void describe(schema::Visitor& v, LengthOptions& o) {
  v.key("most", o.most, schema::at_least(1), "longer texts count as so long");
  describe_columns(v, o.columns);
}

class Length final : public FittedStep {
 public:
  Length(std::vector<std::string> columns, std::vector<double> longest)
      : FittedStep("length", std::move(columns)), longest_(std::move(longest)) {}
  void save(nlohmann::ordered_json& record) const override { record["longest"] = longest_; }
  void apply(Frame& frame) const override {
    steps::replace_columns(*this, frame, [&](std::size_t entry, const Column& column) {
      Column out;
      out.name = column.name;
      for (const std::int32_t code : column.codes) {
        const double length =
            code < 0
                ? 0
                : static_cast<double>(column.categories[static_cast<std::size_t>(code)].size());
        out.numbers.push_back(length / longest_[entry]);
      }
      return std::vector<Column>{out};
    });
  }

 private:
  std::vector<double> longest_;
};

std::unique_ptr<FittedStep> fit_length(const schema::AnyOptions& options, TrainingRows& rows,
                                       Peers* peers) {
  const auto chosen = options.as<LengthOptions>();
  std::vector<std::string> names =
      steps::columns_of("length", chosen.columns, rows.head(), steps::Holds::text);
  std::vector<double> longest;
  for (const ColumnCounts& counts : count_values(names, rows, peers)) {
    std::size_t most = 1;
    for (const auto& [text, times] : counts.texts) most = std::max(most, text.size());
    longest.push_back(std::min(static_cast<double>(most), static_cast<double>(chosen.most)));
  }
  return std::make_unique<Length>(std::move(names), std::move(longest));
}

std::unique_ptr<FittedStep> load_length(const nlohmann::ordered_json& record) {
  auto longest = record.at("longest").get<std::vector<double>>();
  std::vector<std::string> names = recorded_columns(record);
  const auto sound = [](double x) { return std::isfinite(x) && x >= 1; };
  if (longest.size() != names.size() || !std::ranges::all_of(longest, sound)) return nullptr;
  return std::make_unique<Length>(std::move(names), std::move(longest));
}

std::optional<schema::Problem> length_problem(const schema::AnyOptions& options) {
  if (options.as<LengthOptions>().most != 13) return std::nullopt;
  return schema::Problem{"most", "13 is no length; write 12 or 14"};
}

// An elementwise one: distances from the smallest value in training.

class FromSmallest final : public Elementwise {
 public:
  explicit FromSmallest(std::vector<double> smallest) : smallest_(std::move(smallest)) {}
  void save(nlohmann::ordered_json& record) const override { record["smallest"] = smallest_; }
  std::size_t entries() const override { return smallest_.size(); }
  void apply(std::size_t first, std::size_t groups, std::span<double> numbers) const override {
    for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
      for (double& x : group) x -= smallest_[entry];
    });
  }

 private:
  std::vector<double> smallest_;
};

std::unique_ptr<Elementwise> fit_from_smallest(const schema::AnyOptions&, const Learnt& learnt) {
  std::vector<double> smallest;
  for (const Statistics& group : learnt.statistics) smallest.push_back(group.min);
  return std::make_unique<FromSmallest>(std::move(smallest));
}

std::unique_ptr<Elementwise> load_from_smallest(const nlohmann::ordered_json& record) {
  return std::make_unique<FromSmallest>(record.at("smallest").get<std::vector<double>>());
}

// Negatives of images.

struct NegativeOptions {
  double p = 1;
};
void describe(schema::Visitor& v, NegativeOptions& o) {
  v.key("p", o.p, schema::between(0, 1), "the part of the images that it happens to");
}

AugmentKind::Change make_negative(const schema::AnyOptions& options, const ImageExtent& size) {
  if (size.channels == 2) fail_augmentation("negative", "two channels are no image");
  return [p = options.as<NegativeOptions>().p](const Canvas& canvas, Dice& dice) {
    if (!dice.chance(p)) return;
    for (float& value : canvas.values) value = canvas.largest - value;
  };
}

/// They are there while a test runs: others look at all that there is.
class DataOwnStep : public ::testing::Test {
 protected:
  DataOwnStep() {
    preprocess_steps().add(StepKind{{.name = "length",
                                     .doc = "texts become their lengths",
                                     .bare = "most",
                                     .options = LengthOptions{},
                                     .problem = length_problem},
                                    fit_length,
                                    load_length});
    preprocess_steps().add(elementwise_step(
        {.name = "from_smallest", .doc = "distances", .options = ColumnOptions{}},
        {.learns = Learns::statistics, .fit = fit_from_smallest, .load = load_from_smallest}));
    augmentations().add(AugmentKind{
        {.name = "negative", .doc = "negatives", .bare = "p", .options = NegativeOptions{}},
        make_negative});
    directory_.write("x.csv", "n,t,y\n5,ab,1\n3,abcd,2\n9,a,3\n4,,4\n");
  }
  ~DataOwnStep() override {
    preprocess_steps().remove("length");
    preprocess_steps().remove("from_smallest");
    augmentations().remove("negative");
  }

  Job job(const std::string& more) const {
    Job job = parse_job("data: {train: x.csv, target: y, task: regression}\n" + more, "job.yaml");
    job.directory = directory_.path();
    return job;
  }
  static std::vector<float> values(const Dataset& dataset) {
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
    const torch::Tensor flat = dataset.read(samples).features.contiguous().view(-1);
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
  }

  test::Directory directory_;
};

TEST_F(DataOwnStep, GoesFromAJobToTheModelAndBack) {
  const Job own = job("preprocess: [{length: 3}, from_smallest]\n");
  EXPECT_THAT(print_job(own), HasSubstr("length"));
  const Splits splits = load_splits(load_options(own));
  EXPECT_THAT(values(*splits.train), ElementsAre(2, 2.0F / 3, 0, 4.0F / 3, 6, 1.0F / 3, 1, 0));
  const auto record = nlohmann::ordered_json::parse(splits.fitted.dump());
  EXPECT_EQ(record["steps"][0].dump(), R"({"kind":"length","columns":["t"],"longest":[3.0]})");
  EXPECT_EQ(to_json(*fitted_step(record["steps"][1])), record["steps"][1]);
  directory_.write("new.csv", "t,n\nabcdef,13\n");
  EXPECT_THAT(
      values(*load_for_prediction(own.data, {"new.csv", "", ""}, record, directory_.path())),
      ElementsAre(10, 2));
  nlohmann::ordered_json damaged = record["steps"][0];
  damaged["longest"] = {3, 4};
  EXPECT_EQ(error_of([&] { fitted_step(damaged); }), "the fitted step 'length' is damaged");
}

TEST_F(DataOwnStep, SeveralWorkersLearnTheSame) {
  LoadOptions options = load_options(job("preprocess: [length, from_smallest]\n"));
  const Splits alone = load_splits(options);
  test::run_workers(3, [&](Peers& peers) {
    EXPECT_EQ(load_splits(options, &peers).fitted.dump(), alone.fitted.dump());
  });
  // By column each worker fits its own; entries come together by their lists.
  options.partition = {.by = "column", .own = ByColumn{.columns = 2}};
  test::run_workers(2, [&](Peers& peers) {
    EXPECT_EQ(load_splits(options, &peers).fitted.dump(), alone.fitted.dump());
  });
}

TEST_F(DataOwnStep, WorksOnArraysWhereItChangesEachNumber) {
  directory_.write("images", test::idx_u8({2, 2}, test::bytes("\5\2\3\7")));
  directory_.write("labels", test::idx_u8({2}, test::bytes("\0\1")));
  DataOptions data;
  data.train = {"", "images", "labels"};
  const auto load = [&](const char* kind) {
    return load_splits({data, {PreprocessStep{kind}}, 1, directory_.path()});
  };
  EXPECT_THAT(values(*load("from_smallest").train), ElementsAre(2, 0, 0, 5));
  EXPECT_THAT(error_of([&] { load("length"); }),
              HasSubstr("preprocess: length needs CSV features or another table"));
}

TEST_F(DataOwnStep, AugmentsFromAJob) {
  const Job own = job("augment: [negative]\n");
  const Augmentation augmentation(own.augment, {1, 1, 2});
  std::vector<float> image{1, 255};
  augmentation.apply(image, 7, 255);
  EXPECT_THAT(image, ElementsAre(254, 0));
  EXPECT_EQ(error_of([&] {
              Augmentation(own.augment, {2, 1, 2});
            }),
            "augment: negative: two channels are no image");
}

TEST_F(DataOwnStep, IsCheckedAsConvoysOwn) {
  const auto error = [&](const std::string& yaml) { return error_of([&] { job(yaml); }); };
  EXPECT_THAT(error("preprocess: [length: 0]\n"), HasSubstr("preprocess.0.length.most: '0' is out "
                                                            "of range"));
  EXPECT_EQ(error("preprocess:\n  - length: 13\n"),
            "job.yaml:3: preprocess.0.length.most: 13 is no length; write 12 or 14");
  EXPECT_THAT(error("augment: [negative: 2]\n"), HasSubstr("augment.0.negative.p"));
  EXPECT_THAT(error("augment: [negativ]\n"), HasSubstr("did you mean 'negative'?"));
}

}  // namespace data_own_step_test
}  // namespace convoy
