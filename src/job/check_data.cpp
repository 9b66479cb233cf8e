// Declared in job/checker.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
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

bool JobChecker::has_step(std::string_view kind) const {
  return std::ranges::any_of(job_.preprocess,
                             [&](const PreprocessStep& step) { return step.kind == kind; });
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

}  // namespace convoy
