// Declared in job/checker.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/data/formats/format.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/model/model_kind.hpp"
#include "convoy/strategies/registry.hpp"
#include "job/checker.hpp"

namespace convoy {

void JobChecker::check_partition() const {
  const PartitionOptions& partition = job_.partition;
  const PartitionerKind& kind = partitioners().get(partition.by);
  if (const auto found = kind.conflict ? kind.conflict(partition) : std::nullopt) {
    fail("partition." + found->key, found->text, {"partition.by", "partition.order", "partition"});
  }
  check_kind("partition", partitioners(), partition.by, partition.own, "by");
  if (kind.looks_at == LooksAt::sizes) check_sizes();
  if (kind.parts) check_columns();
}

void JobChecker::check_columns() const {
  const auto refuse = [&](std::string_view key, const std::string& problem) {
    fail(key, fmt::format("{}; partition.by {} goes without it", problem, job_.partition.by),
         {"partition.by", "partition"});
  };
  const DataOptions& data = job_.data;
  const FormatKind* format = format_named(data.format);
  if (format && !format->guarantees.columns)
    refuse("data.format", fmt::format("{} has no columns", data.format));
  if (data.on_bad_sample == "skip")
    refuse("data.on_bad_sample", "skip needs whole rows to tell which are bad");
  if (!job_.augment.empty()) refuse("augment", "changes whole images");
  StrategyOptions strategy = job_.strategy;
  strategy.compression = {};
  if (!strategy_traits(strategy).columns)
    refuse("strategy.kind", fmt::format("with {} workers have whole models", strategy.kind));
  if (!strategy_traits(job_.strategy).columns)
    refuse("strategy.compression.kind", "compresses gradients that do not travel by column");
  const ModelKind& model = models().get(job_.model.kind);
  if (model.traits.columns_problem) {
    if (const auto found = model.traits.columns_problem(job_.model.own))
      refuse("model." + found->key, found->text);
  }
  if (!model.guarantees.columns || !model.expand)
    refuse("model.kind", fmt::format("{} has no first layer that can be cut", model.name));
  for (const PreprocessStep& step : job_.preprocess) {
    const std::string problem = problem_by_column(step, {});
    if (!problem.empty()) refuse("preprocess", fmt::format("{} {}", step.kind, problem));
  }
}

void JobChecker::check_sizes() const {
  const PartitionOptions& partition = job_.partition;
  const auto makes_tokens = [](const PreprocessStep& step) {
    return preprocess_steps().get(step.kind).tokens != nullptr;
  };
  if (column_looked_at(partition) != "target" || std::ranges::any_of(job_.preprocess, makes_tokens))
    return;
  fail("partition.by",
       fmt::format("{} needs a tokens step in preprocess, or in partition.value the column with "
                   "each sample's size",
                   partition.by),
       {"partition"});
}

}  // namespace convoy
