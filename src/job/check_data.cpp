// Declared in job/checker.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "convoy/data/images/augment.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "data/sources/address.hpp"
#include "job/checker.hpp"
#include "schema/quote.hpp"

namespace convoy {

const FormatKind* JobChecker::format_of(const std::string& path) const {
  return job_.data.format == "auto" ? format_of_name(named_file(path))
                                    : format_named(job_.data.format);
}

void JobChecker::check_sources_of(const std::string& key, const DataFiles& files) const {
  const std::pair<const char*, const std::string*> paths[] = {
      {".file", &files.file}, {".features", &files.features}, {".labels", &files.labels}};
  for (const auto& [name, path] : paths) {
    try {
      check_address(*path);
    } catch (const InputError& error) {
      fail(key + name, error.what(), {key});
    }
    if (path != &files.file && is_database(*path)) {
      fail(key + name, "a database has features and target together; write file and query", {key});
    }
  }
  if (!files.query.empty() && !is_database(files.file)) {
    fail(key + ".query", fmt::format("is for databases alone; write file: {}",
                                     alternatives(source_addresses(Gives::rows))));
  }
}

void JobChecker::check_files(const std::string& key, const DataFiles& files) const {
  check_sources_of(key, files);
  if (files.empty()) return;
  if (!files.file.empty() && !(files.features.empty() && files.labels.empty())) {
    fail(key + ".file", "holds features and target already; remove features and labels, or file");
  }
  const FormatKind* format = is_database(files.file) ? nullptr : format_of(files.file);
  if (!files.file.empty() && format && format->holds == Holds::array) {
    fail(key + ".file",
         fmt::format("cannot be {}, which holds features or labels alone; write features and "
                     "labels",
                     format->title));
  }
  if (files.file.empty() && files.features.empty()) {
    fail(key + ".features", "is missing; labels alone are no samples", {key + ".labels"});
  }
  if (files.file.empty() && files.labels.empty()) {
    fail(key + ".labels", "is missing; give the file of labels, or give a table with both as file",
         {key + ".features"});
  }
  const bool table = is_database(files.file) || (format && format->holds == Holds::table);
  if (!files.file.empty() && job_.data.target.empty() && table) {
    fail("data.target",
         fmt::format("is missing; name the column of {} to predict",
                     schema::quote(shown_address(files.file))),
         {key});
  }
}

void JobChecker::check_sources() const {
  const DataOptions& data = job_.data;
  if (data.train.empty()) {
    fail("data.train", "is missing; name the training data: file (a table), or features and labels",
         {"data"});
  }
  check_files("data.train", data.train);
  check_files("data.validation_files", data.validation_files);
  check_files("data.test", data.test);
  std::vector<std::string> once = paths_read_once(data);
  std::ranges::sort(once);
  if (const auto twice = std::ranges::adjacent_find(once); twice != once.end()) {
    fail("data", fmt::format("the {}, `{}`, is named more than once, but can be read only once",
                             shown_address(*twice), *twice));
  }
  if (!data.fetch.empty() && !find_package(data.fetch)) {
    fail("data.fetch", fmt::format("{} is not {}", schema::quote(data.fetch),
                                   alternatives(source_addresses(Gives::package))));
  }
}

void JobChecker::check_splits() const {
  const DataOptions& data = job_.data;
  if (data.validation > 0 && !data.validation_files.empty()) {
    fail("data.validation", "validation_files are given too; remove one of the two");
  }
  if (data.test_part > 0 && !data.test.empty()) {
    fail("data.test_part", "test files are given too; remove one of the two");
  }
  if (data.validation + data.test_part >= 1) {
    fail(
        "data.validation",
        fmt::format("{} and data.test_part {} leave nothing to train on; their sum must be below 1",
                    data.validation, data.test_part));
  }
}

void JobChecker::check_csv() const {
  const std::string& delimiter = job_.data.csv.delimiter;
  const bool usable =
      delimiter.size() == 1 && std::string_view("\"\r\n").find(delimiter) == std::string_view::npos;
  if (!usable && delimiter != "tab") {
    fail("data.csv.delimiter",
         fmt::format("{} is not one character other than a quote or line end, or tab",
                     schema::quote(delimiter)));
  }
}

void JobChecker::check_preprocess() const {
  const FormatKind* format = format_of("");
  if (format && !format->units.empty() && !job_.preprocess.empty()) {
    fail("preprocess", fmt::format("has nothing to do with {}, whose samples are {}; remove it",
                                   format->title, format->units));
  }
  if (job_.data.images.channels == 2)
    fail("data.images.channels", "2 is neither 3 (colours) nor 1 (grey)");
  if (job_.data.images.height > 0 && job_.data.images.width == 0)
    fail("data.images.width", "is missing; height alone gives no size", {"data.images.height"});
  check_items("augment", augmentations(), job_.augment);
  for (const PreprocessStep& step : job_.preprocess) {
    const std::string& makes = preprocess_steps().get(step.kind).makes;
    if (job_.augment.empty() || makes.empty()) continue;
    fail("augment", fmt::format("changes images, and {} makes {} of them; remove one of the two",
                                step.kind, makes));
  }
  check_items("preprocess", preprocess_steps(), job_.preprocess);
}

void JobChecker::check_items(const std::string& list, const schema::AnyRegistry& registry,
                             const std::vector<schema::OneOf>& items) const {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const schema::Registration& kind = registry.need(items[i].kind);
    if (!kind.problem) continue;
    const schema::AnyOptions& options = items[i].own.empty() ? kind.options : items[i].own;
    const auto found = kind.problem(options);
    if (!found) continue;
    const std::string item = fmt::format("{}.{}", list, i);
    const std::string path = fmt::format("{}.{}", item, kind.name);
    std::vector<std::string> places;
    for (const std::string& key :
         schema::key_names([&](schema::Visitor& v) { options.describe(v); }))
      places.push_back(fmt::format("{}.{}", path, key));
    places.insert(places.end(), {path, item});
    fail(fmt::format("{}.{}", path, found->key), found->text, places);
  }
}

}  // namespace convoy
