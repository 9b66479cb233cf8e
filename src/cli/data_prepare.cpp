#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/records/prepare.hpp"
#include "convoy/job/job.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;

struct PrepareArguments {
  fs::path job;
  std::vector<std::string> set;
  PrepareOptions prepare;
  std::uint64_t shard_mebibytes = 256;
};

/// The job's key for a part.
const char* key_of(const std::string& part) {
  return part == "train" ? "train" : part == "test" ? "test" : "validation_files";
}

std::string amount(std::int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void run(PrepareArguments options) {
  const auto begin = std::chrono::steady_clock::now();
  options.prepare.shard_bytes = options.shard_mebibytes << 20;
  const std::vector<PreparedPart> parts =
      prepare_data(load_options(load_job(options.job, options.set)), options.prepare);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  for (const PreparedPart& part : parts) {
    if (!part.left_out.empty()) fmt::print(stderr, "convoy: {}\n", part.left_out);
    fmt::print("{:<11} {}: {} of {} bytes in {}, {:.1f} MiB\n", part.name, part.source,
               amount(part.samples, "record"), part.record_bytes, amount(part.shards, "shard"),
               static_cast<double>(part.bytes) / (1 << 20));
  }
  const std::string out = options.prepare.out.string();
  fmt::print("{}: written in {:.1f} s; in a job:\n  data:\n", out, seconds.count());
  for (const PreparedPart& part : parts) fmt::print("    {}: {}\n", key_of(part.name), out);
}

}  // namespace

void add_data_prepare(CLI::App& data) {
  const auto options = std::make_shared<PrepareArguments>();
  CLI::App* verb = data.add_subcommand(
      "prepare", "make records of a job's data, to train on more than fits in memory");
  verb->add_option("job", options->job, "the job file")->required()->type_name("JOB.yaml");
  verb->add_option("--out", options->prepare.out, "the folder to make")
      ->required()
      ->type_name("FOLDER");
  add_set_option(*verb, options->set, "override a key of the job (may be repeated)");
  verb->add_option("--shard-size", options->shard_mebibytes, "MiB of a shard (default: 256)")
      ->type_name("MiB")
      ->check(CLI::Range(1, 1 << 20));
  verb->add_flag("--force", options->prepare.replace, "replace prepared data that is there");
  verb->callback([options] { run(*options); });
}

}  // namespace convoy::cli
