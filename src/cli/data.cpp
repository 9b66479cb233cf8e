#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/verbs.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "convoy/data/load.hpp"
#include "data/sources/address.hpp"
#include "data/sources/package.hpp"

namespace convoy::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct VerifyOptions {
  std::vector<std::string> paths;
  fs::path from;
  bool repair = false;
  bool json = false;
};

/// What is to be verified: a folder that has a manifest, or one file of it.
struct Place {
  fs::path folder;
  std::string only;
};

Place place_of(const std::string& path) {
  const bool package = has_package_scheme(path);
  const fs::path given = package ? package_folder(path) : fs::path(path);
  if (fs::is_directory(given)) return {given, ""};
  if (package) {
    throw InputError(
        fmt::format("{} is not in the cache; fetch it with `convoy data fetch {}`", path, path));
  }
  if (given.filename() == manifest_name && fs::exists(given))
    return {fs::absolute(given).parent_path(), ""};
  // A file that is missing may be named too.
  const fs::path folder = folder_of_manifest(given);
  if (folder.empty()) {
    throw InputError(fmt::format("{}: neither a folder nor a file below one that has a {}", path,
                                 manifest_name));
  }
  return {folder, fs::absolute(given).lexically_normal().lexically_relative(folder).string()};
}

Manifest manifest_of(const fs::path& folder, const VerifyOptions& options) {
  try {
    return read_manifest(folder);
  } catch (const DataError& error) {
    if (!options.repair || !package_of_folder(folder)) throw;
    fmt::print(stderr, "{}; taking it from the package\n", error.what());
    return restore_manifest(folder);
  }
}

Json to_json(const FileProblem& problem, bool repair) {
  Json json = {{"path", problem.path},
               {"problem", name_of(problem.kind)},
               {"expected_bytes", problem.expected_bytes},
               {"bytes", problem.bytes}};
  if (problem.last_byte > 0) {
    json["first_byte"] = problem.first_byte;
    json["last_byte"] = problem.last_byte;
  }
  json["text"] = problem.text();
  if (repair) {
    json["repaired"] = problem.repaired;
    json["outcome"] = problem.outcome;
  }
  return json;
}

void print_text(const fs::path& folder, const Verification& result, std::size_t left) {
  for (const FileProblem& problem : result.problems) {
    fmt::print("{}: {}{}{}\n", (folder / problem.path).string(), problem.text(),
               problem.outcome.empty() ? "" : "; ", problem.outcome);
  }
  const std::string files =
      fmt::format("{} file{}, {} bytes", result.files, result.files == 1 ? "" : "s", result.bytes);
  const std::size_t repaired = result.problems.size() - left;
  fmt::print(
      "{}: {}: {}{}\n", folder.string(), files,
      left == 0 ? "all as the manifest says" : fmt::format("{} not as the manifest says", left),
      repaired > 0 ? fmt::format(", {} repaired", repaired) : "");
}

/// Returns whether all is well in the end.
bool verify(const Place& place, const VerifyOptions& options, Json& report) {
  const Manifest manifest = manifest_of(place.folder, options);
  Verification result = verify_folder(place.folder, manifest, place.only);
  if (options.repair && !result.problems.empty())
    repair_folder(place.folder, manifest, result.problems, options.from);
  std::size_t left = 0;
  Json problems = Json::array();
  for (const FileProblem& problem : result.problems) {
    left += problem.repaired ? 0 : 1;
    problems.push_back(to_json(problem, options.repair));
  }
  report.push_back({{"folder", place.folder.string()},
                    {"ok", left == 0},
                    {"files", result.files},
                    {"bytes", result.bytes},
                    {"problems", std::move(problems)}});
  if (!options.json) print_text(place.folder, result, left);
  return left == 0;
}

void verify_all(const VerifyOptions& options) {
  if (!options.from.empty() && !options.repair)
    throw InputError("--from: it is only read to repair; add --repair");
  if (!options.from.empty() && !fs::is_directory(options.from))
    throw InputError(fmt::format("--from: {} is not a folder", options.from.string()));
  bool ok = true;
  Json report = Json::array();
  for (const std::string& path : options.paths) ok = verify(place_of(path), options, report) && ok;
  if (options.json) {
    fmt::print("{}\n", report.dump(2, ' ', false, Json::error_handler_t::replace));
  }
  if (!ok) throw ExitStatus{2};
}

void add_fetch(CLI::App& verb) {
  const auto source = std::make_shared<std::string>();
  CLI::App* fetch =
      verb.add_subcommand("fetch", "bring a package of data into the cache and print its folder");
  fetch->add_option("source", *source, alternatives(source_addresses(Gives::package)))->required();
  fetch->callback([source] { fmt::print("{}\n", fetch_package(*source).string()); });
}

void add_manifest(CLI::App& verb) {
  const auto folder = std::make_shared<fs::path>();
  CLI::App* manifest = verb.add_subcommand(
      "manifest", fmt::format("write {} of a folder whose files are good", manifest_name));
  manifest->add_option("folder", *folder, "the folder")->required()->type_name("DIR");
  manifest->callback([folder] {
    if (!fs::is_directory(*folder))
      throw InputError(fmt::format("{}: is not a folder", folder->string()));
    const Manifest made = make_manifest(*folder);
    write_manifest(*folder, made);
    std::uint64_t bytes = 0;
    for (const ManifestFile& file : made.files) bytes += file.bytes;
    fmt::print("{}: {} file{}, {} bytes\n", (*folder / manifest_name).string(), made.files.size(),
               made.files.size() == 1 ? "" : "s", bytes);
  });
}

void add_verify_files(CLI::App& verb) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* verify = verb.add_subcommand(
      "verify", "compare data with its manifest; name what is damaged, and where");
  verify
      ->add_option("path", options->paths,
                   "folders with a manifest, files below one, or fetched packages (npm:..., say)")
      ->required()
      ->type_name("PATH");
  verify->add_flag("--repair", options->repair,
                   "replace damaged files: from --from, or by fetching their package again");
  verify->add_option("--from", options->from, "another copy of the folder, to repair from")
      ->type_name("DIR");
  verify->add_flag("--json", options->json, "the result as JSON");
  verify->callback([options] { verify_all(*options); });
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("data", "data sets");
  verb->require_subcommand(1);
  add_fetch(*verb);
  add_manifest(*verb);
  add_verify_files(*verb);
  add_data_inspect(*verb);
  add_data_partition(*verb);
  add_data_prepare(*verb);
}

}  // namespace convoy::cli
