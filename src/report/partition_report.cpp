#include "convoy/report/partition_report.hpp"

#include <fmt/format.h>

#include "report/event_text.hpp"
#include "report/progress_format.hpp"
#include "report/text_table.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_label_columns = 10;
constexpr std::size_t widest_label = 12;
constexpr std::size_t most_lanes_shown = 64;

std::string count_text(const Json& object, const char* key) {
  return format_count(member_number(object, key));
}

std::string distance_text(const Json& object, const char* key) {
  return fmt::format("{:.3f}", member_number(object, key));
}

std::string times_text(double times) {
  return fmt::format("{:.2f}", times);
}

bool shows_labels(const Json& record) {
  return record.at("labels").size() <= most_label_columns;
}

/// What is told of a lane or a worker after its name.
std::vector<std::string> sample_cells(const Json& one, const Json& record) {
  std::vector<std::string> cells = {count_text(one, "samples"),
                                    fmt::format("{:.1f}%", 100 * member_number(one, "part")),
                                    format_bytes(member_number(one, "bytes"))};
  if (shows_labels(record)) {
    for (const Json& count : one.at("counts")) cells.push_back(format_count(count.get<double>()));
  } else {
    cells.push_back(fmt::format("{:.2f}", member_number(one, "entropy")));
    cells.push_back(
        one.contains("over")
            ? fmt::format("{} {} times",
                          clipped(one["over"]["label"].get<std::string>(), widest_label),
                          times_text(one["over"]["times"].get<double>()))
            : "");
  }
  cells.push_back(distance_text(one, "skew"));
  return cells;
}

std::vector<std::string> label_heads(const Json& record) {
  if (!shows_labels(record)) return {"entropy", "most over its share"};
  std::vector<std::string> heads;
  for (const Json& label : record.at("labels"))
    heads.push_back(clipped(label.at("label").get<std::string>(), widest_label));
  return heads;
}

void add_row(TextTable& table, std::vector<std::string> row, const std::vector<std::string>& more) {
  row.insert(row.end(), more.begin(), more.end());
  table.add(std::move(row));
}

/// Everything there is, by label.
std::vector<std::string> whole_cells(const Json& record) {
  const double samples = member_number(record, "samples");
  std::vector<std::string> cells = {
      format_count(samples), "", format_bytes(samples * member_number(record, "bytes_per_sample"))};
  if (shows_labels(record)) {
    for (const Json& label : record.at("labels")) cells.push_back(count_text(label, "count"));
  }
  return cells;
}

std::string format_lanes(const Json& record) {
  const std::vector<std::string> labels = label_heads(record);
  TextTable table("rrrrrr" + std::string(labels.size(), 'r') + "r");
  std::vector<std::string> head = {"worker", "replica", "lane", "samples", "part", "bytes"};
  head.insert(head.end(), labels.begin(), labels.end());
  head.emplace_back("skew");
  table.add(std::move(head));
  std::int64_t worker = -1;
  std::size_t shown = 0;
  for (const Json& lane : record.at("lanes")) {
    if (shown++ == most_lanes_shown) break;
    const bool grouped = record.contains("workers");
    if (grouped && lane.at("worker") != worker) {
      worker = lane.at("worker").get<std::int64_t>();
      add_row(table, {std::to_string(worker), "", "(all)"},
              sample_cells(record["workers"][static_cast<std::size_t>(worker)], record));
    }
    add_row(table,
            {"", lane.contains("replica") ? lane["replica"].dump() : "", lane.at("lane").dump()},
            sample_cells(lane, record));
  }
  add_row(table, {"", "", "all"}, whole_cells(record));
  std::string text = table.text("  ");
  if (const std::size_t lanes = record.at("lanes").size(); lanes > most_lanes_shown)
    text += fmt::format("  and {} more lanes\n", lanes - most_lanes_shown);
  return text;
}

std::string partition_text(const Json& record) {
  const std::string by = record.at("by").get<std::string>();
  return fmt::format(
      "by {}{}, {}, {}", by,
      record.contains("value") ? " of " + printable(record["value"].get<std::string>()) : "",
      record.at("assign").get<std::string>(), record.at("order").get<std::string>());
}

std::string sizes_text(double smallest, double largest) {
  return smallest == largest
             ? format_count(largest)
             : fmt::format("{} to {}", format_count(smallest), format_count(largest));
}

std::string partition_head(const Json& record) {
  const std::size_t lanes = record.at("lanes").size();
  const Json& batches = record.at("batches");
  return fmt::format(
      "{}: {} training samples in {} lane{}, {}\nepoch {}: {} step{} of {} samples; labels: {}{}\n",
      printable(record.at("name").get<std::string>()), count_text(record, "samples"), lanes,
      lanes == 1 ? "" : "s", partition_text(record), record.at("epoch").get<std::int64_t>(),
      count_text(record, "steps"), record.at("steps") == 1 ? "" : "s",
      sizes_text(member_number(batches, "smallest"), member_number(batches, "largest")),
      printable(record.at("target").get<std::string>()),
      record.at("label_parts").get<bool>() ? ", in parts of its range" : "");
}

std::string format_summary(const Json& record) {
  const bool workers = record.contains("workers");
  const Json& batches = record.at("batches");
  std::string text = fmt::format(
      "  the largest {} has {} times the mean; labels differ from the whole by {} on average, {} "
      "at most\n  labels of a batch differ from the whole by {} on average, {} at most\n",
      workers ? "worker" : "lane", times_text(member_number(record, "largest_of_mean")),
      distance_text(record, "skew_mean"), distance_text(record, "skew_most"),
      distance_text(batches, "mean"), distance_text(batches, "most"));
  if (record.contains("padding")) {
    text += fmt::format("  padding: {:.1f} % of all positions; by row it would be {:.1f} %\n",
                        100 * member_number(record["padding"], "by_size"),
                        100 * member_number(record["padding"], "by_row"));
  }
  if (record.at("empty") != 0)
    text += fmt::format("  {} {} no samples\n", count_text(record, "empty"),
                        workers ? "workers have" : "lanes have");
  return text;
}

std::string format_contestants(const Json& record) {
  TextTable table("lrrrrrrrl");
  const char* const groups = record.contains("workers") ? "workers" : "lanes";
  table.add({"partition", "largest/mean", fmt::format("empty {}", groups),
             fmt::format("skew of {}", groups), "at most", "batches", "skew of batches", "at most",
             ""});
  const Json& explain = record.at("explain");
  for (const Json& one : explain.at("contestants")) {
    const bool of_job = one.at("by") == record.at("by") && one.at("assign") == record.at("assign");
    const bool suits =
        one.at("by") == explain["suits"]["by"] && one.at("assign") == explain["suits"]["assign"];
    table.add(
        {fmt::format("{}, {}", one.at("by").get<std::string>(),
                     one.at("assign").get<std::string>()),
         times_text(member_number(one, "largest_of_mean")),
         one.at("empty") == 0 ? "" : count_text(one, "empty"), distance_text(one, "skew_mean"),
         distance_text(one, "skew_most"),
         sizes_text(member_number(one, "smallest_batch"), member_number(one, "largest_batch")),
         distance_text(one, "batch_mean"), distance_text(one, "batch_most"),
         fmt::format("{}{}", of_job ? "the job's " : "", suits ? "<- suits" : "")});
  }
  return table.text("  ");
}

std::string format_explain(const Json& record) {
  const Json& explain = record.at("explain");
  std::string text = fmt::format(
      "\ncompared, order {}, value {} ({} different)\n", record.at("order").get<std::string>(),
      printable(explain.at("value").get<std::string>()), count_text(explain, "values"));
  text += format_contestants(record);
  text += fmt::format("\nwhat suits: by {}, {}\n", explain["suits"]["by"].get<std::string>(),
                      explain["suits"]["assign"].get<std::string>());
  for (const Json& reason : explain.at("reasons"))
    text += fmt::format("  - {}\n", printable(reason.get<std::string>()));
  return text;
}

std::string format_columns(const Json& record) {
  const Json& columns = record.at("columns");
  if (columns.contains("refused"))
    return fmt::format("\nby column: not for this job: {}\n",
                       printable(columns["refused"].get<std::string>()));
  const std::size_t workers = columns.at("workers").size();
  std::string text = fmt::format(
      "\nby column, {} features in {} parts, {} workers: the largest has {} times the mean\n",
      count_text(columns, "features"), count_text(columns, "parts"), workers,
      times_text(member_number(columns, "largest_of_mean")));
  TextTable table("rrrr");
  table.add({"worker", "parts", "features", "bytes of all samples"});
  for (const Json& worker : columns["workers"]) {
    table.add({worker.at("worker").dump(), count_text(worker, "parts"),
               count_text(worker, "features"), format_bytes(member_number(worker, "bytes"))});
  }
  text += table.text("  ");
  text += fmt::format(
      "  a worker sends about {} a step by column and {} by row: a batch's sums of the first "
      "layer\n  ({} x {}) are {} than its weight ({} x {}): by {} suits\n",
      format_bytes(member_number(columns, "column_bytes")),
      format_bytes(member_number(columns, "row_bytes")), count_text(columns, "batch"),
      count_text(columns, "units"), columns.at("suits").get<bool>() ? "less" : "not less",
      count_text(columns, "units"), count_text(columns, "features"),
      columns.at("suits").get<bool>() ? "column" : "row");
  return text;
}

}  // namespace

std::string format_partition_report(const Json& record) {
  std::string text = partition_head(record) + "\n" + format_lanes(record) + format_summary(record);
  if (record.contains("explain")) text += format_explain(record);
  if (record.contains("columns")) text += format_columns(record);
  return text;
}

}  // namespace convoy
