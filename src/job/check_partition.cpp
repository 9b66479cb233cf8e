// Declared in job/checker.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/data/formats/format.hpp"
#include "convoy/strategies/facts.hpp"
#include "job/checker.hpp"
#include "schema/quote.hpp"

namespace convoy {

void JobChecker::check_partition() const {
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

void JobChecker::check_columns() const {
  const auto refuse = [&](std::string_view key, const std::string& problem) {
    fail(key, problem + "; partition.by column goes without it", {"partition.by", "partition"});
  };
  const DataOptions& data = job_.data;
  const FormatKind* format = format_named(data.format);
  if (format && !format->guarantees.columns)
    refuse("data.format", fmt::format("{} has no columns", data.format));
  if (data.on_bad_sample == "skip")
    refuse("data.on_bad_sample", "skip needs whole rows to tell which are bad");
  if (!job_.augment.empty()) refuse("augment", "changes whole images");
  StrategyOptions strategy = job_.strategy;
  strategy.compression.kind = "none";
  if (!strategy_traits(strategy).columns)
    refuse("strategy.kind", fmt::format("with {} workers have whole models", strategy.kind));
  if (!strategy_traits(job_.strategy).columns)
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

void JobChecker::check_sizes() const {
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

}  // namespace convoy
