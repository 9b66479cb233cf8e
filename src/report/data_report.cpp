#include "convoy/report/data_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/event_text.hpp"
#include "report/progress_format.hpp"
#include "report/text_table.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t widest_name = 28;
constexpr std::size_t most_classes_shown = 20;
constexpr std::size_t most_values_shown = 5;

std::string count_of(const Json& object, const char* key) {
  return format_count(member_number(object, key));
}

std::string short_number(double x) {
  if (!std::isfinite(x)) return "?";
  const double size = std::abs(x);
  return size >= 1e4 && size < 1e9 ? fmt::format("{:.0f}", x) : fmt::format("{:.4g}", x);
}

std::string number_of(const Json& object, const char* key) {
  return object.contains(key) ? short_number(member_number(object, key)) : "";
}

std::string percent_of(double part) {
  return fmt::format("{:.1f}%", 100 * part);
}

std::string missing_of(const Json& column) {
  if (column.at("missing") == 0) return "";
  return fmt::format("{} ({})", count_of(column, "missing"),
                     percent_of(member_number(column, "missing_part")));
}

std::string bars_of(const Json& object, bool utf8) {
  if (!object.contains("histogram")) return "";
  return bar_line(object.at("histogram").at("counts").get<std::vector<double>>(), utf8);
}

std::string value_of(const Json& value) {
  return value.is_string() ? clipped(value.get<std::string>(), widest_name)
                           : short_number(value.is_number() ? value.get<double>() : NAN);
}

/// "male 577, female 314"; of more than a few, the commonest.
std::string values_of(const Json& column) {
  if (!column.contains("commonest")) return "";
  std::string text;
  std::size_t shown = 0;
  for (const Json& entry : column.at("commonest")) {
    if (shown == most_values_shown) break;
    text += fmt::format("{}{} {}", shown++ == 0 ? "" : ", ", value_of(entry.at("value")),
                        count_of(entry, "count"));
  }
  const auto distinct = column.at("distinct").get<std::size_t>();
  return distinct > shown
             ? fmt::format("{}, {} more", text, format_count(static_cast<double>(distinct - shown)))
             : text;
}

std::vector<std::string> number_cells(const Json& column, bool utf8) {
  return {missing_of(column),          count_of(column, "distinct"), number_of(column, "min"),
          number_of(column, "median"), number_of(column, "max"),     number_of(column, "mean"),
          number_of(column, "std"),    bars_of(column, utf8)};
}

/// With the names of `first` before those of the cells above.
TextTable number_table(std::vector<std::string> first) {
  TextTable table(std::string(1, 'l') + std::string(first.size() - 1, 'r') + "rrrrrrrl");
  first.insert(first.end(),
               {"missing", "distinct", "min", "median", "max", "mean", "std", "histogram"});
  table.add(std::move(first));
  return table;
}

std::string format_columns(const Json& columns, bool utf8) {
  TextTable numbers = number_table({"number"});
  TextTable texts("lrrl");
  texts.add({"text", "missing", "distinct", "commonest values"});
  bool any_number = false;
  bool any_text = false;
  for (const Json& column : columns) {
    std::vector<std::string> row = {clipped(column.at("name").get<std::string>(), widest_name)};
    if (column.at("kind") == "number") {
      any_number = true;
      const std::vector<std::string> cells = number_cells(column, utf8);
      row.insert(row.end(), cells.begin(), cells.end());
      numbers.add(std::move(row));
    } else {
      any_text = true;
      texts.add({row[0], missing_of(column), count_of(column, "distinct"), values_of(column)});
    }
  }
  std::string text;
  if (any_number) text += numbers.text("  ");
  if (any_text) text += (any_number ? "\n" : "") + texts.text("  ");
  return text;
}

std::string format_array(const Json& array, bool utf8) {
  std::string text = fmt::format("  {} elements", count_of(array, "elements"));
  if (array.contains("min"))
    text += fmt::format(": {} to {}, mean {}, std {}", number_of(array, "min"),
                        number_of(array, "max"), number_of(array, "mean"), number_of(array, "std"));
  const double zeros = member_number(array, "zeros");
  if (zeros > 0)
    text += fmt::format(", {} zeros", percent_of(zeros / member_number(array, "elements")));
  text += '\n';
  if (array.contains("histogram")) text += fmt::format("  |{}|\n", bars_of(array, utf8));
  return text;
}

std::string shape_of_samples(const Json& array) {
  std::string text;
  const Json& shape = array.at("shape");
  for (std::size_t i = 1; i < shape.size(); ++i)
    text += fmt::format("{}{}", i > 1 ? "x" : "", shape[i].get<std::int64_t>());
  return fmt::format("{} {}", text, array.at("type").get<std::string>());
}

std::string format_file(const Json& file, bool utf8) {
  const std::string part = file.at("part").get<std::string>();
  std::string text =
      fmt::format("\n{}{}: {} samples of ", part.empty() ? "" : part + ": ",
                  printable(file.at("file").get<std::string>()), count_of(file, "samples"));
  if (file.contains("array"))
    return text + shape_of_samples(file.at("array")) + '\n' + format_array(file.at("array"), utf8);
  const std::size_t columns = file.at("columns").size();
  text += fmt::format("{} column{}\n", columns, columns == 1 ? "" : "s");
  return text + format_columns(file.at("columns"), utf8);
}

/// Classes down, splits across, with a bar for the part of the first.
std::string format_classes(const Json& splits, bool utf8) {
  TextTable table("l" + std::string(2 * splits.size(), 'r') + "l");
  std::vector<std::string> head = {"class"};
  std::vector<std::string> sizes = {"(all)"};
  double most = 0;
  for (const Json& split : splits) {
    head.insert(head.end(), {split.at("split").get<std::string>(), ""});
    sizes.insert(sizes.end(), {count_of(split, "samples"), ""});
  }
  for (const Json& row : splits[0].at("classes")) most = std::max(most, member_number(row, "part"));
  table.add(std::move(head));
  table.add(std::move(sizes));
  const std::size_t classes = splits[0].at("classes").size();
  for (std::size_t i = 0; i < std::min(classes, most_classes_shown); ++i) {
    const Json& first = splits[0].at("classes")[i];
    std::vector<std::string> row = {clipped(first.at("class").get<std::string>(), widest_name)};
    for (const Json& split : splits) {
      const Json& own = split.at("classes")[i];
      row.insert(row.end(), {count_of(own, "count"), percent_of(member_number(own, "part"))});
    }
    const double part = most > 0 ? member_number(first, "part") / most : 0;
    std::string bar;
    for (int k = 0; k < std::lround(20 * part); ++k) bar += utf8 ? "█" : "#";
    row.push_back(std::move(bar));
    table.add(std::move(row));
  }
  std::string text = table.text("  ");
  if (classes > most_classes_shown)
    text += fmt::format("  and {} more classes\n", classes - most_classes_shown);
  return text;
}

std::string format_splits(const Json& splits, bool utf8) {
  if (splits.empty()) return "";
  if (splits[0].contains("classes")) return "\nlabels\n" + format_classes(splits, utf8);
  TextTable table = number_table({"split", "samples"});
  std::string text;
  for (const Json& split : splits) {
    for (const Json& column : split.at("target")) {
      std::string name = split.at("split").get<std::string>();
      if (split.at("target").size() > 1) name += ": " + column.at("name").get<std::string>();
      std::vector<std::string> row = {clipped(name, widest_name), count_of(split, "samples")};
      const std::vector<std::string> cells = number_cells(column, utf8);
      row.insert(row.end(), cells.begin(), cells.end());
      table.add(std::move(row));
    }
  }
  return "\ntarget\n" + table.text("  ");
}

std::string format_head(const Json& record) {
  std::string text = printable(record.at("name").get<std::string>());
  if (!record.contains("task")) return text + '\n';
  text += fmt::format(": {} of ", record.at("task").get<std::string>());
  std::size_t named = 0;
  for (const Json& name : record.at("target"))
    text += fmt::format("{}{}", named++ > 0 ? ", " : "", printable(name.get<std::string>()));
  return text + '\n';
}

}  // namespace

std::string format_data_report(const Json& record, bool utf8) {
  std::string text = format_head(record);
  for (const Json& file : record.at("files")) text += format_file(file, utf8);
  text += format_splits(record.at("splits"), utf8);
  const Json& notes = record.at("notes");
  text += notes.empty() ? "\nNothing strange was found.\n" : "\nthings to look at\n";
  for (const Json& note : notes)
    text += fmt::format("  - {}\n", printable(note.get<std::string>()));
  return text;
}

}  // namespace convoy
