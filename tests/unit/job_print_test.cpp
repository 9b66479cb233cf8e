#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <variant>

#include "convoy/job/job.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/schema/schema.hpp"
#include "paths.hpp"

namespace convoy {
namespace job_print_test {

using schema::Items;
using schema::Key;
using schema::Section;
using schema::Visitor;

/// Every value of a job by path, independent of how values are printed.
class Values final : public Visitor {
 public:
  using Copy = std::variant<bool, std::int64_t, std::uint64_t, double, std::string,
                            std::vector<std::string>, std::vector<std::int64_t>>;
  static std::map<std::string, Copy> of(Job job) {
    Values values;
    schema::describe(values, job);
    return values.values_;
  }
  void visit(const Key& key) override {
    values_[prefix_ + std::string(key.name)] =
        std::visit([](auto* value) { return Copy(*value); }, key.value);
  }
  void visit(const Section& section) override {
    below(std::string(section.name), [&] { section.describe(*this); });
  }
  void visit(Items& list) override {
    for (std::size_t i = 0; i < list.size(); ++i) {
      below(std::string(list.name) + std::to_string(i) + list.kind_of(i), [&] {
        values_[prefix_] = true;
        list.describe_item(*this, i);
      });
    }
  }

 private:
  void below(const std::string& name, const std::function<void()>& visit_inner) {
    const std::string outer = prefix_;
    prefix_ += name + '.';
    visit_inner();
    prefix_ = outer;
  }

  std::string prefix_;
  std::map<std::string, Copy> values_;
};

/// Fills a job with values its rules allow.
class Randomizer final : public Visitor {
 public:
  explicit Randomizer(std::mt19937_64& random) : random_(random) {}

  void visit(const Key& key) override {
    if (key.name == "kind") kind_ = std::get<std::string*>(key.value);
    if (!key.rule.needed && (!counts(key.rule) || pick(3) == 0)) return;
    std::visit([&](auto* value) { fill(*value, key.rule); }, key.value);
  }
  void visit(const Section& section) override {
    Randomizer inner(random_);
    section.describe(inner);
  }
  void visit(schema::Variant& variant) override {
    variant.kind_name() = variant.kinds[pick(variant.kinds.size())].name;
    variant.choose(true);
    variant.describe_own(*this);
  }
  void visit(Items& list) override {
    if (!counts(list.rule)) return;
    const std::size_t count = 1 + pick(6);
    for (std::size_t i = 0; i < count; ++i) {
      list.add(list.kinds[pick(list.kinds.size())]);
      Randomizer inner(random_);
      list.describe_item(inner, i);
    }
  }

 private:
  std::size_t pick(std::size_t count) { return random_() % count; }
  bool counts(const schema::Rule& rule) const {
    return rule.kinds.empty() || std::ranges::find(rule.kinds, *kind_) != rule.kinds.end();
  }

  void fill(bool& value, const schema::Rule&) { value = pick(2) == 0; }
  void fill(std::uint64_t& value, const schema::Rule&) { value = random_(); }
  void fill(double& value, const schema::Rule& rule) {
    const double part = static_cast<double>(random_()) / 18446744073709551616.0;
    const double low = std::isfinite(rule.low) ? rule.low : -1e300;
    const double high = std::isfinite(rule.high) ? rule.high : 1e300;
    value = pick(2) == 0 ? low + part * (std::min(high, low + 1) - low)
                         : low + part * (high / 2 - low / 2);
    if (rule.low_excluded && value <= low) value = std::numeric_limits<double>::denorm_min();
  }
  void fill(std::int64_t& value, const schema::Rule& rule) {
    const double low = std::isfinite(rule.low) ? rule.low : -9e18;
    const double high =
        std::min(std::isfinite(rule.high) ? rule.high : 9e18, low + (pick(2) == 0 ? 10 : 9e18));
    value = static_cast<std::int64_t>(low) +
            static_cast<std::int64_t>(pick(static_cast<std::size_t>(high - low)));
  }
  void fill(std::string& value, const schema::Rule& rule) {
    static const std::vector<std::string> parts = {"a",
                                                   "Z9",
                                                   " ",
                                                   ": ",
                                                   "#",
                                                   "'",
                                                   "\"",
                                                   "\\",
                                                   "\n",
                                                   "\t",
                                                   "-",
                                                   "[",
                                                   "]",
                                                   ",",
                                                   "{",
                                                   "}",
                                                   "é",
                                                   "日本",
                                                   "🚂",
                                                   "&",
                                                   "*",
                                                   "null",
                                                   "~",
                                                   "!",
                                                   "%",
                                                   "@",
                                                   "0",
                                                   "1e5",
                                                   "\x01",
                                                   "\x04",
                                                   "\x7f",
                                                   "true",
                                                   "\xc2\x85",
                                                   "\xe2\x80\xa8",
                                                   "\xef\xbb\xbf",
                                                   "\xc2\xa0",
                                                   "npm:x"};
    value = rule.choices.empty() ? "" : std::string(rule.choices[pick(rule.choices.size())]);
    for (std::size_t i = 0; rule.choices.empty() && i < pick(6); ++i)
      value += parts[pick(parts.size())];
  }
  template <class T>
  void fill(std::vector<T>& values, const schema::Rule& rule) {
    values.assign(pick(4), T());
    for (T& value : values) fill(value, rule);
  }

  std::mt19937_64& random_;
  const std::string* kind_ = nullptr;
};

/// Repairs what is impossible together in a random job.
void make_possible(Job& job, std::mt19937_64& random) {
  job.name = "run " + std::to_string(random());
  job.data.fetch = random() % 2 == 0 ? "" : "npm:@scope/data@1.0.0";
  job.data.format = "auto";
  if (job.data.train.features.empty() || job.data.train.labels.empty())
    job.data.train = {"train.csv", "", ""};
  if (!job.data.train.features.empty()) job.data.train.file.clear();
  job.data.train.query.clear();
  job.data.validation_files = job.data.test = {};
  if (job.data.images.channels == 2) job.data.images.channels = 1;
  if (job.data.images.width == 0) job.data.images.height = 0;
  if (job.partition.by == "column") job.partition = {};  // goes with few other things
  if (job.partition.by == "row" && job.partition.order != "shuffled")
    job.partition.own.edit<ByRow>().block = 0;
  if (job.partition.by == "value") job.partition.own.edit<ByValue>().value = "target";
  if (job.partition.by == "size") {
    auto& size = job.partition.own.edit<BySize>();
    size.value = "length";
    size.tokens = std::max<std::int64_t>(1, size.tokens);
  }
  if (job.model.kind == "layers") {
    for (LayerOptions& layer : job.model.own.edit<LayersOptions>().layers) {
      if (layer.kind != "embedding") continue;
      auto& values = layer.own.edit<EmbeddingOptions>().values;
      values = std::max<std::int64_t>(1, values);
    }
  }
  const auto is_pca = [](const PreprocessStep& step) { return step.kind == "pca"; };
  if (std::ranges::any_of(job.preprocess, is_pca)) job.augment.clear();
  for (AugmentStep& step : job.augment) {
    if (step.kind != "zoom") continue;
    auto& zoom = step.own.edit<ZoomOptions>();
    zoom.low = 0.25;
    zoom.high = std::max(zoom.high, zoom.low);
  }
  job.data.validation /= 2;
  job.data.test_part /= 2;
  job.data.target = {": a\nb"};
  job.data.task = "auto";
  job.data.classes += 2;
  job.data.csv.delimiter = random() % 2 == 0 ? "\t" : ";";
  job.strategy.bucket = random() % 2 == 0 ? "off" : "2.5";
  if (job.strategy.compression.kind.ends_with("_k"))
    job.strategy.compression.own.edit<SparseOptions>().part = 0.3;
  if (job.strategy.kind != "synchronous") job.strategy.compression = {};
  if (job.strategy.kind == "local_sgd")
    job.strategy.own.edit<LocalSgdOptions>().outer.momentum = 0.5;
  if (job.strategy.kind != "synchronous") job.train.verify_every = 0;
  if (job.strategy.kind == "parameter_server") {
    auto& served = job.strategy.own.edit<ParameterServerOptions>();
    if (served.consistency == "bsp") served.compensation = "none";
    if (served.consistency != "async") served.prefetch = false;
  }
  for (PreprocessStep& step : job.preprocess) {
    const auto make_bounds = [](auto& o) {
      if (o.low >= o.high) o.low = o.high - 1 - std::abs(o.high) / 2;
    };
    if (step.kind == "clip") make_bounds(step.own.edit<ClipStepOptions>());
    if (step.kind == "min_max") make_bounds(step.own.edit<MinMaxOptions>());
    if (step.kind == "scale" && step.own.edit<ScaleOptions>().by == 0)
      step.own.edit<ScaleOptions>().by = 1;
    if (step.kind == "to_text" && step.own.edit<ColumnOptions>().columns.empty())
      step.own.edit<ColumnOptions>().columns = {"a"};
  }
  if (job.model.kind == "cnn") job.model.own.edit<CnnOptions>().channels.push_back(4);
  if (job.train.optimizer.kind == "sgd") job.train.optimizer.own.edit<SgdOptions>().momentum = 0.5;
  if (job.train.schedule.kind == "step") job.train.schedule.own.edit<StepDecayOptions>().every = 2;
  job.train.epochs += 0.1;
  if (job.train.batch > 0) job.train.lanes = std::min(job.train.lanes, job.train.batch);
}

void expect_round_trip(const Job& job) {
  const std::string text = print_job(job);
  const Job again = parse_job(text, "printed.yaml");
  EXPECT_EQ(print_job(again), text);
  Job resolved = job;  // printing decides on lanes where the batch is known
  if (job.train.lanes == 0 && job.train.batch > 0)
    resolved.train.lanes = std::min<std::int64_t>(8, job.train.batch);
  EXPECT_EQ(Values::of(again), Values::of(resolved)) << text;
}

TEST(JobPrint, examples_round_trip) {
  int examples = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           convoy::testing::source_folder() + "/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string folder = entry.path().parent_path().filename();
    if (folder == "extend" || folder == "plugin") continue;  // they need their plugins
    SCOPED_TRACE(entry.path());
    expect_round_trip(load_job(entry.path()));
    ++examples;
  }
  EXPECT_GE(examples, 2);
}

TEST(JobPrint, random_jobs_round_trip) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 500; ++i) {
    Job job;
    Randomizer randomizer(random);
    schema::describe(randomizer, job);
    make_possible(job, random);
    SCOPED_TRACE(i);
    expect_round_trip(job);
    if (HasFailure()) break;
  }
}

// Those of the kind that was chosen: so of all kinds together.
TEST(JobPrint, every_key_is_present) {
  Job job;
  job.data.train = {"a.csv", "", ""};
  job.data.target = {"y"};
  std::string text;
  for (const char* model : {"mlp", "cnn", "layers"}) {
    job.model = {.kind = model};
    text += "\n" + print_job(job);
  }
  for (const auto& [path, value] : Values::of(job)) {
    const std::string name = path.substr(path.rfind('.') + 1);
    const auto depth = static_cast<std::size_t>(std::ranges::count(path, '.'));
    EXPECT_NE(text.find(fmt::format("\n{:{}}{}:", "", 2 * depth, name)), std::string::npos) << path;
  }
}

TEST(JobPrint, lanes_are_resolved) {
  const auto lanes = [](std::int64_t batch) {
    Job job;
    job.train.batch = batch;
    const std::string text = print_job(job);
    const std::size_t begin = text.find("  lanes: ") + 9;
    return text.substr(begin, text.find('\n', begin) - begin);
  };
  EXPECT_EQ(lanes(64), "8");
  EXPECT_EQ(lanes(3), "3");
  EXPECT_EQ(lanes(0), "auto");
}

TEST(JobPrint, text_is_quoted_for_every_reader_of_yaml) {
  const auto printed = [](const std::string& text) {
    Job job;
    job.data.csv.columns = {text};
    const std::string yaml = print_job(job);
    const std::size_t begin = yaml.find("columns: [") + 10;
    return yaml.substr(begin, yaml.find("]\n", begin) - begin);
  };
  EXPECT_EQ(printed("petal_width"), "petal_width");
  EXPECT_EQ(printed("a: b"), "\"a: b\"");
  EXPECT_EQ(printed("Yes"), "\"Yes\"");
  EXPECT_EQ(printed("12"), "\"12\"");
  EXPECT_EQ(printed("\"\\\n"), R"("\"\\\x0a")");
  EXPECT_EQ(printed("\xe2\x80\xa8\xc2\x85\xc3\xa9"), "\"\\u2028\\u0085\xc3\xa9\"");
}

TEST(JobPrint, numbers_have_no_digits_to_spare) {
  Job job;
  job.train.optimizer = {.kind = "adam", .rate = 0.1};
  job.data.csv.missing = {"", "null", "-"};
  const std::string text = print_job(job);
  EXPECT_NE(text.find("rate: 0.1\n"), std::string::npos);
  EXPECT_NE(text.find("epsilon: 1e-08\n"), std::string::npos);
  EXPECT_NE(text.find("missing: [\"\", \"null\", \"-\"]\n"), std::string::npos);
}

}  // namespace job_print_test
}  // namespace convoy
