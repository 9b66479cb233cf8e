#include "data/inspect/notes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;
using NoteLines = std::vector<std::string>;

constexpr double nearly_all = 0.9;        // of a column's values are missing
constexpr double very_uneven = 10;        // times as many samples of one class as of another
constexpr std::int64_t few_samples = 20;  // all different: no sign of an identifier

std::string percent_text(double part) {
  return fmt::format("{:.3g}%", 100 * part);
}

/// "1 sample", "12 samples".
std::string samples_text(std::int64_t n) {
  return fmt::format("{} sample{}", n, n == 1 ? "" : "s");
}

const char* has_or_have(std::int64_t n) {
  return n == 1 ? "has" : "have";
}

bool looks_like_number(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789.+-eE") == name.npos &&
         name.find_first_of("0123456789") != name.npos;
}

std::string value_text(const Json& column) {
  const Json& value = column.at("commonest").at(0).at("value");
  return value.is_string() ? in_quotes(value.get<std::string>())
                           : fmt::format("{}", value.get<double>());
}

void look_at_column(const Json& column, std::int64_t samples, const std::string& where,
                    NoteLines& lines) {
  const std::string name =
      fmt::format("{}column {}", where, in_quotes(column.at("name").get<std::string>()));
  const auto missing = column.at("missing").get<std::int64_t>();
  const auto distinct = column.at("distinct").get<std::int64_t>();
  const double part = column.at("missing_part").get<double>();
  if (missing == samples) {
    lines.push_back(fmt::format("{}: every value is missing", name));
    return;
  }
  if (part >= nearly_all)
    lines.push_back(fmt::format("{}: {} of the values are missing", name, percent_text(part)));
  if (distinct == 1 && samples > 1)
    lines.push_back(fmt::format("{}: constant, {}{}", name, value_text(column),
                                missing > 0 ? " where it is not missing" : ""));
  if (column.at("kind") == "text" && distinct == samples && samples > few_samples)
    lines.push_back(fmt::format(
        "{}: another text in each row; if it only identifies rows, leave it out (data.csv.ignore)",
        name));
}

/// A first line of data taken for names.
void look_at_names(const Json& columns, const std::string& where, NoteLines& lines) {
  for (const Json& column : columns) {
    const std::string name = column.at("name").get<std::string>();
    if (!looks_like_number(name)) continue;
    lines.push_back(fmt::format(
        "{}column {} has a number as its name; if the first line is data, set data.csv.header: "
        "false",
        where, in_quotes(name)));
    return;
  }
}

/// Columns with some values missing, but not nearly all, in one line.
void look_at_missing(const Json& columns, const std::string& where, NoteLines& lines) {
  std::vector<std::string> names;
  for (const Json& column : columns) {
    const double part = column.at("missing_part").get<double>();
    if (part > 0 && part < nearly_all)
      names.push_back(fmt::format("{} ({})", in_quotes(column.at("name").get<std::string>()),
                                  percent_text(part)));
  }
  if (names.empty()) return;
  lines.push_back(fmt::format("{}values are missing in {} column{}: {}", where, names.size(),
                              names.size() == 1 ? "" : "s", name_list(names)));
}

void look_at_array(const Json& array, const std::string& where, NoteLines& lines) {
  if (const auto bad = array.at("not_finite").get<std::int64_t>(); bad > 0)
    lines.push_back(fmt::format("{}{} of {} elements are not finite 32-bit numbers", where, bad,
                                array.at("elements").get<std::int64_t>()));
  if (array.contains("min") && array.at("min") == array.at("max"))
    lines.push_back(fmt::format("{}every element is {}", where, array.at("min").get<double>()));
}

void look_at_file(const Json& file, const std::string& where, NoteLines& lines) {
  const auto samples = file.at("samples").get<std::int64_t>();
  if (file.contains("array")) look_at_array(file.at("array"), where, lines);
  if (file.contains("columns")) {
    for (const Json& column : file.at("columns")) look_at_column(column, samples, where, lines);
    look_at_names(file.at("columns"), where, lines);
    look_at_missing(file.at("columns"), where, lines);
  }
  const auto duplicates = file.value("duplicates", std::int64_t{0});
  if (duplicates > 0)
    lines.push_back(fmt::format("{}{} of {} {} the same features as an earlier one", where,
                                duplicates, samples_text(samples), has_or_have(duplicates)));
}

void look_at_balance(const Json& split, const std::string& where, NoteLines& lines) {
  const Json* rarest = nullptr;
  const Json* most = nullptr;
  std::vector<std::string> absent;
  for (const Json& row : split.at("classes")) {
    const auto count = row.at("count").get<std::int64_t>();
    if (count == 0) {
      absent.push_back(in_quotes(row.at("class").get<std::string>()));
      continue;
    }
    if (!rarest || count < rarest->at("count").get<std::int64_t>()) rarest = &row;
    if (!most || count > most->at("count").get<std::int64_t>()) most = &row;
  }
  if (!absent.empty())
    lines.push_back(fmt::format("{}no sample of class {}", where, name_list(absent)));
  if (!rarest || most->at("count").get<double>() < very_uneven * rarest->at("count").get<double>())
    return;
  const auto share = [](const Json& row) {
    return fmt::format("class {} has {} ({})", in_quotes(row.at("class").get<std::string>()),
                       samples_text(row.at("count").get<std::int64_t>()),
                       percent_text(row.at("part").get<double>()));
  };
  lines.push_back(
      fmt::format("{}labels are very uneven: {}, {}", where, share(*most), share(*rarest)));
}

void look_at_split(const Json& split, const std::string& where, NoteLines& lines) {
  const auto samples = split.at("samples").get<std::int64_t>();
  if (const auto bare = split.at("without_target").get<std::int64_t>(); bare > 0)
    lines.push_back(fmt::format("{}{} of {} {} no target (drop_missing leaves such samples out)",
                                where, bare, samples_text(samples), has_or_have(bare)));
  if (const auto common = split.value("also_in_train", std::int64_t{0}); common > 0)
    lines.push_back(fmt::format("{}{} of {} {} the features of a training sample", where, common,
                                samples_text(samples), has_or_have(common)));
  if (split.contains("classes")) look_at_balance(split, where, lines);
  if (!split.contains("target")) return;
  for (const Json& column : split.at("target")) {
    if (column.at("distinct") == 1 && samples > 1)
      lines.push_back(fmt::format("{}target {}: constant", where,
                                  in_quotes(column.at("name").get<std::string>())));
  }
}

/// "test: ", where there are several to tell apart.
std::string place_of_note(const Json& list, const Json& one, const char* key) {
  return list.size() > 1 ? one.at(key).get<std::string>() + ": " : "";
}

}  // namespace

NoteLines notes_on(const Json& record) {
  NoteLines lines;
  const Json& files = record.at("files");
  for (const Json& file : files) look_at_file(file, place_of_note(files, file, "part"), lines);
  const Json& splits = record.at("splits");
  for (const Json& split : splits)
    look_at_split(split, place_of_note(splits, split, "split"), lines);
  return lines;
}

}  // namespace convoy
