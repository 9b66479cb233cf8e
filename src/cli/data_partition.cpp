#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/verbs.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/inspect/partition.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/job/job.hpp"
#include "convoy/report/partition_report.hpp"
#include "convoy/strategies/registry.hpp"
#include "strategies/columns/advice.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct PartitionArguments {
  fs::path job;
  std::vector<std::string> set;
  PartitionQuery query;
  fs::path json;
};

void run(const PartitionArguments& options) {
  const Job job = load_job(options.job, options.set);
  PartitionQuery query = options.query;
  query.name = job.name;
  query.strategy = job.strategy.kind;
  query.own_steps = strategy_traits(job.strategy).own_steps;
  const LoadOptions load = load_options(job);
  Json record = describe_partition(load, job.train, query);
  if (query.explain || column_parts(job.partition))
    record["columns"] = column_advice(load, job.model, job.train, std::max(2, query.workers));
  fmt::print("{}", format_partition_report(record));
  if (options.json.empty()) return;
  write_file_atomically(options.json,
                        record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  fmt::print("\n{}\n", options.json.string());
}

}  // namespace

void add_data_partition(CLI::App& data) {
  const auto options = std::make_shared<PartitionArguments>();
  CLI::App* verb = data.add_subcommand(
      "partition", "who gets which training samples: sizes and labels of lanes and workers");
  verb->add_option("job", options->job, "the job file")->required()->type_name("JOB.yaml");
  add_set_option(*verb, options->set, "override a key of the job (may be repeated)");
  verb->add_option("--workers", options->query.workers, "group lanes by so many workers")
      ->check(CLI::Range(1, 4096));
  verb->add_option("--replicas", options->query.replicas, "tell which of so many replicas, too")
      ->check(CLI::Range(1, 4096));
  verb->add_option("--epoch", options->query.epoch, "of which epoch, from 0")
      ->check(CLI::Range(0, 1'000'000'000));
  verb->add_flag("--explain", options->query.explain,
                 "compare all ways to partition on this data, and say which suits it and why");
  verb->add_option("--value", options->query.value,
                   "compare with partition by this column, where the job partitions by row")
      ->type_name("COLUMN");
  verb->add_option("--json", options->json, "write the same, and more, as JSON")->type_name("FILE");
  verb->callback([options] { run(*options); });
}

}  // namespace convoy::cli
