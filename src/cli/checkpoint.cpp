#include "convoy/checkpoint/checkpoint.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/inspect.hpp"
#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"
#include "convoy/job/trained_model.hpp"
#include "report/event_text.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct ExportOptions {
  fs::path place;
  fs::path out;
  std::int64_t step = -1;  // not given
  bool best = false;
};

std::time_t written_at(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mtime : 0;
}

/// The checkpoints of a folder, newest first. Of a run that goes on one may be gone already.
std::vector<CheckpointInfo> describe_all(const CheckpointStore& store) {
  std::vector<CheckpointInfo> all;
  for (const fs::path& path : store.list()) {
    CheckpointInfo info = describe_checkpoint(path);
    if (fs::exists(path)) all.push_back(std::move(info));
  }
  return all;
}

Json to_json(const CheckpointInfo& info, bool best) {
  Json json = {{"step", info.step},
               {"path", info.path.string()},
               {"bytes", info.bytes},
               {"written", written_at(info.path)},
               {"best", best}};
  if (!info.problem.empty()) {
    json["problem"] = info.problem;
    return json;
  }
  json["seconds"] = info.seconds;
  json["shards"] = info.shards;
  if (info.metric) {
    json["metric"] = {
        {"split", info.metric->split}, {"name", info.metric->name}, {"value", info.metric->value}};
  }
  return json;
}

std::string remarks(const CheckpointInfo& info, bool best) {
  if (!info.problem.empty()) return "damaged; convoy checkpoint verify says where";
  std::vector<std::string> parts;
  if (info.metric)
    parts.push_back(
        fmt::format("{} {} {:.6g}", info.metric->split, info.metric->name, info.metric->value));
  if (best) parts.emplace_back("best");
  if (info.shards > 0) parts.push_back(fmt::format("{} shards", info.shards));
  return fmt::format("{}", fmt::join(parts, ", "));
}

void list(const fs::path& place, bool json) {
  const CheckpointStore store(checkpoints_folder(place), 1);
  const auto best = store.best();
  const auto all = describe_all(store);
  if (json) {
    Json array = Json::array();
    for (const CheckpointInfo& info : all) array.push_back(to_json(info, info.path == best));
    fmt::print("{}\n", array.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print("{:>10}  {:>11}  {:<19}\n", "step", "size", "written");
  for (const CheckpointInfo& info : all) {
    const std::string line =
        fmt::format("{:>10}  {:>11}  {:%Y-%m-%d %H:%M:%S}  {}", info.step,
                    format_bytes(static_cast<double>(info.bytes)),
                    fmt::localtime(written_at(info.path)), remarks(info, info.path == best));
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

void require_file(const fs::path& place) {
  if (!fs::exists(place))
    throw InputError(fmt::format("{}: there is no such file or folder", place.string()));
  if (fs::is_directory(place) || place.extension() == ".checkpoint" || is_shard(place)) return;
  throw InputError(fmt::format(
      "{}: is no checkpoint; give a step-N.checkpoint, or the folder of a run", place.string()));
}

void verify(const fs::path& place) {
  require_file(place);
  const bool folder = fs::is_directory(place);
  std::size_t damaged = 0;
  for (const fs::path& path : folder ? CheckpointStore(checkpoints_folder(place), 1).list()
                                     : std::vector<fs::path>{place}) {
    const std::vector<CheckedFile> files = verify_checkpoint(path);
    if (!fs::exists(path)) continue;  // removed by the run meanwhile
    for (const CheckedFile& file : files) {
      damaged += file.problem.empty() ? 0 : 1;
      if (!file.problem.empty()) {
        fmt::print("{}\n", file.problem);
      } else {
        fmt::print("{}: whole, {} tensors, {} bytes\n", file.path.string(), file.tensors,
                   file.bytes);
      }
    }
  }
  if (damaged > 0) throw ExitStatus{2};
}

fs::path checkpoint_of_step(const fs::path& folder, std::int64_t step) {
  std::vector<std::int64_t> steps;
  for (const fs::path& path : CheckpointStore(folder, 1).list()) {
    steps.push_back(checkpoint_step(path).value_or(-1));
    if (steps.back() == step) return path;
  }
  throw InputError(fmt::format("--step: there is no checkpoint of step {} in {}; there are: {}",
                               step, folder.string(), fmt::join(steps, ", ")));
}

fs::path newest_whole(const CheckpointStore& store) {
  const auto newest = store.load_newest();
  if (!newest) throw InputError("the checkpoints were removed meanwhile");
  for (const std::string& line : newest->damaged)
    fmt::print(stderr, "convoy: {}; using an older one\n", line);
  return newest->path;
}

fs::path chosen_checkpoint(const ExportOptions& options) {
  require_file(options.place);
  const bool chooses = options.best || options.step >= 0;
  if (!fs::is_directory(options.place)) {
    if (chooses)
      throw InputError(
          fmt::format("{}: is one checkpoint; --step and --best choose one of a folder",
                      options.place.string()));
    if (is_shard(options.place))
      throw InputError(
          fmt::format("{}: is one worker's part of a checkpoint; give its "
                      "step-N.checkpoint",
                      options.place.string()));
    return options.place;
  }
  const fs::path folder = checkpoints_folder(options.place);
  if (options.step >= 0) return checkpoint_of_step(folder, options.step);
  const CheckpointStore store(folder, 1);
  if (!options.best) return newest_whole(store);
  if (const auto best = store.best()) return *best;
  throw InputError(
      fmt::format("--best: none of the checkpoints in {} was evaluated", folder.string()));
}

void export_model(const ExportOptions& options) {
  const fs::path checkpoint = chosen_checkpoint(options);
  if (fs::is_directory(options.out))
    throw InputError(fmt::format("--out: {} is a folder; name a file", options.out.string()));
  const std::string sha256 =
      export_checkpoint(open_trained_model(checkpoint, "final", {}), options.out);
  fmt::print("{}: {}\n  weights_sha256 {}\n", options.out.string(), checkpoint.string(), sha256);
}

void add_list(CLI::App& verb) {
  const auto place = std::make_shared<fs::path>();
  const auto json = std::make_shared<bool>(false);
  CLI::App* sub = verb.add_subcommand("list", "the checkpoints of a run, newest first");
  sub->add_option("run", *place, "the run's folder, or that of its checkpoints")
      ->required()
      ->type_name("DIR");
  sub->add_flag("--json", *json, "the list as JSON");
  sub->callback([place, json] { list(*place, *json); });
}

void add_verify(CLI::App& verb) {
  const auto place = std::make_shared<fs::path>();
  CLI::App* sub = verb.add_subcommand(
      "verify", "compare all checksums; name the tensor and the byte of damage (exit 2)");
  sub->add_option("place", *place, "a run's folder, that of its checkpoints, or one file")
      ->required()
      ->type_name("DIR|FILE");
  sub->callback([place] { verify(*place); });
}

void add_export(CLI::App& verb) {
  const auto options = std::make_shared<ExportOptions>();
  CLI::App* sub = verb.add_subcommand(
      "export", "write a model.pt with the weights of a checkpoint (the newest whole one)");
  sub->add_option("place", options->place, "a run's folder, that of its checkpoints, or one file")
      ->required()
      ->type_name("DIR|FILE");
  sub->add_option("--out", options->out, "the file to write")->required()->type_name("model.pt");
  CLI::Option* step = sub->add_option("--step", options->step, "the one of this step")
                          ->type_name("N")
                          ->check(CLI::NonNegativeNumber);
  sub->add_flag("--best", options->best, "the best one, by evaluate.best")->excludes(step);
  sub->callback([options] { export_model(*options); });
}

}  // namespace

void add_checkpoint(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("checkpoint", "list, verify and export checkpoints of a run");
  verb->require_subcommand(1);
  add_list(*verb);
  add_verify(*verb);
  add_export(*verb);
}

}  // namespace convoy::cli
