// A layer, a model, an initialisation, a loss and a metric from outside: registered here, chosen by
// a job, and trained with the same bits whoever computes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "convoy/loss/loss_kind.hpp"
#include "convoy/metric/metric_kind.hpp"
#include "convoy/model/initialisation.hpp"
#include "convoy/model/layer.hpp"
#include "convoy/model/model.hpp"
#include "convoy/model/model_kind.hpp"
#include "train_support.hpp"

namespace convoy {
namespace model_registered_test {

using schema::AnyOptions;
using schema::Visitor;
using ::testing::HasSubstr;

// A layer with a weight of its own.
struct ScaleOptions {
  double by = 1;
  bool shifted = false;
};
void describe(Visitor& v, ScaleOptions& o) {
  v.key("by", o.by, schema::above(0), "the first factor");
  v.key("shifted", o.shifted, schema::any(), "whether a number is added too");
}

struct ScaleImpl : torch::nn::Module {
  ScaleImpl(std::int64_t numbers, const ScaleOptions& o)
      : factor(register_parameter("factor", torch::full({numbers}, o.by))) {
    if (o.shifted) shift = register_parameter("shift", torch::zeros({numbers}));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return shift.defined() ? x * factor + shift : x * factor;
  }
  torch::Tensor factor, shift;
};
TORCH_MODULE(Scale);

LayerKind scale_kind() {
  return {{.name = "scale",
           .doc = "each number times one of its own, which is learnt",
           .bare = "by",
           .options = ScaleOptions{}},
          [](const AnyOptions& options, Shape& shape, const LayerContext&) {
            require_dimensions(shape, 1, "flat samples");
            return torch::nn::AnyModule(Scale(shape[0], options.as<ScaleOptions>()));
          }};
}

// A layer of layers.
struct SkipOptions {
  std::vector<LayerOptions> layers;
};
void describe(Visitor& v, SkipOptions& o) {
  schema::chosen_items(v, layers(), "layers", o.layers, schema::any(), "what x is added to");
}

struct SkipImpl : torch::nn::Module {
  explicit SkipImpl(torch::nn::Sequential within)
      : inner(register_module("inner", std::move(within))) {}
  torch::Tensor forward(const torch::Tensor& x) { return x + inner->forward(x); }
  torch::nn::Sequential inner;
};
TORCH_MODULE(Skip);

std::optional<schema::Problem> skip_problem(const AnyOptions& options) {
  if (!options.as<SkipOptions>().layers.empty()) return std::nullopt;
  return schema::Problem{"layers", "is missing; list what is skipped"};
}

LayerKind skip_kind() {
  return {{.name = "skip",
           .doc = "x, and what some layers make of it",
           .bare = "layers",
           .options = SkipOptions{},
           .problem = skip_problem},
          [](const AnyOptions& options, Shape& shape, const LayerContext& context) {
            torch::nn::Sequential inner;
            for (const LayerOptions& layer : options.as<SkipOptions>().layers)
              inner->push_back(layers().get(layer.kind).make(layer.own, shape, context));
            return torch::nn::AnyModule(Skip(inner));
          }};
}

// A model that is no list of layers.
struct ResidualOptions {
  std::int64_t units = 8;
};
void describe(Visitor& v, ResidualOptions& o) {
  v.key("units", o.units, schema::between(1, schema::wide), "of each layer");
}

struct Residual : torch::nn::Module {
  Residual(std::int64_t features, std::int64_t units, std::int64_t outputs)
      : first(register_module("first", torch::nn::Linear(features, units))),
        second(register_module("second", torch::nn::Linear(units, units))),
        last(register_module("last", torch::nn::Linear(units, outputs))) {}
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(first(x.flatten(1)));
    return last(x + torch::relu(second(x)));
  }
  torch::nn::Linear first, second, last;
};

ModelKind residual_kind() {
  return {{.name = "residual",
           .doc = "one residual block",
           .options = ResidualOptions{},
           .guarantees = {.columns = false}},
          nullptr,
          [](const AnyOptions& options, const DataSpec& spec) {
            std::int64_t features = 1;
            for (const std::int64_t side : spec.feature_shape) features *= side;
            return model_factory<Residual>(features, options.as<ResidualOptions>().units,
                                           spec.outputs)();
          }};
}

InitialisationKind tiny_kind() {
  return {{.name = "tiny", .doc = "normal, deviation 0.1 / inputs"},
          [](torch::Tensor& weight, const Fans& fans) {
            weight.normal_(0, 0.1 / static_cast<double>(fans.in));
          }};
}

struct SmoothedOptions {
  double part = 0.1;
};
void describe(Visitor& v, SmoothedOptions& o) {
  v.key("part", o.part, schema::part(), "of the target that all classes share");
}

LossKind smoothed_kind() {
  return {{.name = "smoothed", .doc = "cross entropy, smoothed", .options = SmoothedOptions{}},
          {Task::classification},
          [](const AnyOptions& options, const DataSpec&) -> LossFunction {
            return [part = options.as<SmoothedOptions>().part](const torch::Tensor& output,
                                                               const torch::Tensor& target) {
              return at::cross_entropy_loss(output, target, {}, at::Reduction::Mean, -100, part);
            };
          }};
}

MetricKind second_kind() {
  return {{.name = "second", .doc = "how often one of the two likeliest classes is right"},
          {Task::classification},
          {{.name = "top2", .best = true}, {.name = "top2_hits"}},
          [](const MetricInput& input) -> nlohmann::ordered_json {
            const torch::Tensor two = std::get<1>(input.outputs.topk(2, 1));
            const auto hits = two.eq(input.target.unsqueeze(1)).sum().item<std::int64_t>();
            return {{"top2", static_cast<double>(hits) / static_cast<double>(two.size(0))},
                    {"top2_hits", hits}};
          }};
}

class RegisteredHere : public ::testing::Test {
 protected:
  RegisteredHere() {
    layers().add(scale_kind());
    layers().add(skip_kind());
    models().add(residual_kind());
    initialisations().add(tiny_kind());
    losses().add(smoothed_kind());
    metrics().add(second_kind());
  }
  ~RegisteredHere() override {
    layers().remove("scale");
    layers().remove("skip");
    models().remove("residual");
    initialisations().remove("tiny");
    losses().remove("smoothed");
    metrics().remove("second");
  }
};

const std::string data_section = "data: {train: a.csv, target: y}\n";
const std::string training = R"(
seed: 11
train: {epochs: 2, batch: 24, lanes: 8, optimizer: {rate: 0.1, momentum: 0.9}}
evaluate: {every: 1, best: top2}
report: {html: false, every: 1}
)";
const std::string with_layers = data_section + training + R"(
loss: {kind: smoothed, part: 0.2}
model:
  kind: layers
  init: tiny
  layers:
    - flatten
    - scale: 0.5
    - linear: 16
    - skip: [{linear: 16}, relu, {scale: {by: 2, shifted: true}}]
    - linear: 4
)";
const std::string with_model =
    data_section + training + "loss: smoothed\nmodel: {kind: residual, units: 12, init: tiny}\n";

RunSummary run(const Job& job, RunOptions options = {}) {
  const TrainingData data{testing::images(), nullptr, testing::images(40, 5)};
  const DataSpec& spec = data.train->spec();
  return Trainer(trainer_options(job), build_model(job.model, spec), make_loss(job.loss, spec),
                 data, std::move(options))
      .run();
}

std::vector<std::string> digests_of_two_workers(const Job& job) {
  std::vector<std::string> digests(2);
  testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions options;
    options.group = group;
    digests[static_cast<std::size_t>(group->rank())] = run(job, options).weights_sha256;
  });
  return digests;
}

std::string refusal_of(const std::string& yaml) {
  try {
    parse_job(yaml, "job.yaml");
    return "accepted";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST_F(RegisteredHere, TrainWithTheSameBitsWhoeverComputes) {
  for (const std::string& yaml : {with_layers, with_model}) {
    const Job job = parse_job(yaml, "job.yaml");
    const RunSummary one = run(job, {.replicas = 1});
    EXPECT_EQ(run(job, {.replicas = 3}).weights_sha256, one.weights_sha256);
    for (const std::string& digest : digests_of_two_workers(job))
      EXPECT_EQ(digest, one.weights_sha256);
    const auto& final = one.json["final"];
    EXPECT_EQ(final["test_top2"].get<double>() * 40, final["test_top2_hits"].get<double>());
    EXPECT_GE(final["test_top2"].get<double>(), final["test_accuracy"].get<double>());
  }
}

TEST_F(RegisteredHere, SurvivePrintingAndReading) {
  for (const std::string& yaml : {with_layers, with_model}) {
    const std::string text = print_job(parse_job(yaml, "job.yaml"));
    EXPECT_EQ(print_job(parse_job(text, "printed.yaml")), text);
  }
  const std::string text = print_job(parse_job(with_layers, "job.yaml"));
  EXPECT_THAT(text, HasSubstr("- skip: {layers: [{linear: {units: 16, bias: true}}, {relu: {}}, "
                              "{scale: {by: 2, shifted: true}}]}\n"));
  EXPECT_THAT(text, HasSubstr("loss:\n  kind: smoothed\n  part: 0.2\n"));
}

TEST_F(RegisteredHere, OverridesReachInside) {
  const Job job = parse_job(with_layers, "job.yaml",
                            {"loss.part=0.3", "model.layers.1.scale.by=4",
                             "model.layers.3.skip.layers.2.scale.by=5", "evaluate.best=f1"});
  EXPECT_EQ(job.loss.own.as<SmoothedOptions>().part, 0.3);
  const auto list = job.model.own.as<LayersOptions>().layers;
  EXPECT_EQ(list[1].own.as<ScaleOptions>().by, 4);
  EXPECT_EQ(list[3].own.as<SkipOptions>().layers[2].own.as<ScaleOptions>().by, 5);
  EXPECT_EQ(parse_job(with_layers, "job.yaml", {"loss=cross_entropy"}).loss.kind, "cross_entropy");
}

TEST_F(RegisteredHere, ARunGoesOnWithTheSameLossOnly) {
  const TemporaryFolder folder;
  Job job = parse_job(with_layers, "job.yaml");
  RunOptions options;
  options.out = folder.path();
  run(job, options);
  EXPECT_TRUE(CheckpointStore(folder.path() / "checkpoints", 1).best());
  options.resume = true;
  job.loss.own.edit<SmoothedOptions>().part = 0.3;
  try {
    run(job, options);
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("loss.part was 0.2 and is now 0.3"));
  }
}

TEST_F(RegisteredHere, WhatDoesNotFitIsSaid) {
  EXPECT_EQ(refusal_of(data_section + "loss: {kind: auto, part: 0.2}\n"),
            "job.yaml:2: loss.part: counts only with loss.kind smoothed, and it is auto; remove "
            "one of the two");
  EXPECT_EQ(refusal_of("data: {train: a.csv, target: y, task: regression}\nloss: smoothed\n"),
            "job.yaml:2: loss: smoothed does not fit data.task regression; set loss to "
            "squared_error");
  EXPECT_EQ(refusal_of("data: {train: a.csv, target: y, task: binary}\nevaluate: {best: top2}\n"),
            "job.yaml:2: evaluate.best: top2 does not exist for binary; write accuracy, precision, "
            "recall, f1, roc_auc or loss");
  EXPECT_EQ(refusal_of(data_section + "model: {kind: layers, layers: [skip]}\n"),
            "job.yaml:2: model.layers.0.skip.layers: is missing; list what is skipped");
  EXPECT_EQ(refusal_of(data_section + "partition: column\nmodel: residual\n"),
            "job.yaml:3: model.kind: residual has no first layer that can be cut; partition.by "
            "column goes without it");
  EXPECT_THAT(refusal_of(data_section + "model: {kind: layers, layers: [{scale: 0}]}\n"),
              HasSubstr("model.layers.0.scale.by: '0' is out of range"));
}

TEST_F(RegisteredHere, AKindThatRefusesTheDataIsNamed) {
  models().add({{.name = "flat", .doc = "takes flat samples"},
                nullptr,
                [](const AnyOptions&, const DataSpec& spec) {
                  require_dimensions(spec.feature_shape, 1, "flat samples");
                  return Network{};
                }});
  try {
    build_model({.kind = "flat"}, testing::image_spec());
    ADD_FAILURE() << "accepted";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "model.kind: flat: needs flat samples, gets samples of shape [1, 8, 8]");
  }
  models().remove("flat");
}

TEST_F(RegisteredHere, ANetworkThatDoesNotFitTheDataIsRefused) {
  models().add(
      {{.name = "wrong", .doc = "gives three numbers"},
       nullptr,
       [](const AnyOptions&, const DataSpec&) { return model_factory<Residual>(64, 2, 3)(); }});
  try {
    build_model({.kind = "wrong"}, testing::image_spec());
    ADD_FAILURE() << "accepted";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "model.kind: wrong gives [2, 3] for two samples, the data needs [2, 4]");
  }
  models().remove("wrong");
}

}  // namespace model_registered_test
}  // namespace convoy
