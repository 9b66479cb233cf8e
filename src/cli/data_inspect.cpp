#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/inspect/inspect.hpp"
#include "convoy/job/job.hpp"
#include "convoy/report/data_report.hpp"
#include "data/sources/address.hpp"
#include "report/terminal.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct InspectArguments {
  std::vector<std::string> paths;
  std::vector<std::string> target;
  std::vector<std::string> set;
  std::string query;
  fs::path html;
  int replicas = 0;
  bool json = false;
};

bool is_job(const fs::path& path) {
  return !source_of(path.string()) && (path.extension() == ".yaml" || path.extension() == ".yml");
}

/// How to read a lone file: `--set` counts as in a job, whose files are not looked at.
DataOptions file_options(const InspectArguments& options) {
  DataOptions data =
      parse_job("data: {train: {features: x, labels: x}}", "--set", options.set).data;
  data.target = options.target;
  data.train.query = options.query;
  return data;
}

Json inspect(const fs::path& path, const InspectArguments& options) {
  const int replicas = options.replicas > 0 ? options.replicas : default_replicas();
  if (!is_job(path)) return inspect_file(path, file_options(options), replicas);
  if (!options.query.empty())
    throw InputError("--query: a job has its queries itself; use --set data.train.query=SQL");
  if (!options.target.empty())
    throw InputError("--target: a job names its target itself; use --set data.target=NAME");
  const Job job = load_job(path, options.set);
  return inspect_splits(load_options(job), job.name, replicas);
}

void run(const InspectArguments& options) {
  Json records = Json::array();
  for (const std::string& path : options.paths) records.push_back(inspect(path, options));
  if (!options.html.empty()) write_data_page(options.html, records);
  if (options.json) {
    fmt::print("{}\n", records.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  for (std::size_t i = 0; i < records.size(); ++i)
    fmt::print("{}{}", i > 0 ? "\n" : "", format_data_report(records[i], locale_is_utf8()));
  if (!options.html.empty()) fmt::print("\n{}\n", options.html.string());
}

}  // namespace

void add_data_inspect(CLI::App& data) {
  const auto options = std::make_shared<InspectArguments>();
  CLI::App* verb = data.add_subcommand(
      "inspect", "what is in data: columns, ranges, missing values, labels, what is strange");
  verb->add_option("path", options->paths,
                   fmt::format("jobs (all their files and splits), or data: files, addresses ({}) "
                               "or databases ({})",
                               alternatives(source_addresses(Gives::files)),
                               alternatives(source_addresses(Gives::rows))))
      ->required()
      ->type_name("JOB.yaml|FILE");
  verb->add_option("--target", options->target, "the target column of a file that is a table")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("--query", options->query, "the SQL query whose rows of a database are meant")
      ->type_name("SQL");
  add_set_option(*verb, options->set,
                 "override a key of the job, or say how to read a file: data.csv.header=skip (may "
                 "be repeated)");
  verb->add_option("--html", options->html, "write the same as a page, one file")
      ->type_name("FILE");
  verb->add_option("--replicas", options->replicas,
                   "threads that share the work (default: the cores); never changes the result")
      ->check(CLI::Range(1, 4096));
  verb->add_flag("--json", options->json, "the result as JSON");
  verb->callback([options] { run(*options); });
}

}  // namespace convoy::cli
