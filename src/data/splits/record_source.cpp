#include "data/splits/record_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/records/record_set.hpp"
#include "data/records/writer.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

bool is_listed(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The part of the folder that a key of the job means.
std::string part_of_key(const std::string& key, const RecordIndex& index) {
  if (key == "data.train") return "train";
  if (key == "data.validation_files") return "validation";
  if (key == "data.test") return "test";
  return index.parts.size() == 1 ? index.parts[0].name : "";
}

const RecordPart& choose_part(const RecordIndex& index, const Location& location,
                              const SourceOptions& options) {
  const std::string wanted =
      location.array.empty() ? part_of_key(options.key, index) : location.array;
  if (const RecordPart* part = index.find(wanted)) return *part;
  std::vector<std::string> names;
  for (const RecordPart& part : index.parts) names.push_back(part.name);
  throw InputError(fmt::format(
      "{}: {} has {}{}; write {}#{} if that is meant", options.key, location.file.string(),
      wanted.empty() ? "several parts, " : fmt::format("no part {}, but ", in_quotes(wanted)),
      name_list(names), location.file.string(), names[0]));
}

std::vector<std::string> field_names(const RecordPart& part) {
  std::vector<std::string> names;
  for (const RecordField& field : part.fields) names.push_back(field.name);
  return names;
}

/// The field of a name; of a feature and a target of one name the one that is asked for.
std::optional<std::size_t> find_field(const RecordPart& part, const std::string& name,
                                      bool target) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < part.fields.size(); ++i) {
    if (part.fields[i].name == name && (!found || part.fields[i].target == target)) found = i;
  }
  return found;
}

std::vector<std::size_t> target_fields(const RecordPart& part, const std::string& name,
                                       const SourceOptions& options) {
  std::vector<std::string> wanted;
  if (options.roles != nullptr && !part.array)
    wanted = options.roles->target;
  else if (!part.array)
    wanted = options.data.target;
  std::vector<std::size_t> fields;
  for (const std::string& column : wanted) {
    if (const auto field = find_field(part, column, true))
      fields.push_back(*field);
    else if (!options.target_optional)
      throw InputError(fmt::format("data.target: {} has no column {}; it has {}", name,
                                   in_quotes(column), name_list(field_names(part))));
  }
  if (!wanted.empty()) return fields.size() == wanted.size() ? fields : std::vector<std::size_t>();
  for (std::size_t i = 0; i < part.fields.size(); ++i) {
    if (part.fields[i].target) fields.push_back(i);
  }
  return fields;
}

void require_role(const RecordField& field, const Column& role, const std::string& name) {
  if (field.categorical == role.categorical) return;
  throw DataError(
      name,
      fmt::format(
          "column {} holds {} where the training data has {}{}", in_quotes(field.name),
          field.categorical ? "text" : "numbers", role.categorical ? "text" : "numbers",
          role.categorical ? "; name it in data.csv.categorical when the data is prepared" : ""));
}

std::vector<std::size_t> feature_fields(const RecordPart& part, const std::string& name,
                                        const std::vector<std::size_t>& target,
                                        const SourceOptions& options) {
  std::vector<std::size_t> fields;
  if (options.roles != nullptr && !part.array) {
    for (const Column& role : options.roles->features) {
      const auto field = find_field(part, role.name, false);
      if (!field)
        throw DataError(name, fmt::format("no column {}, which the training data has; there are {}",
                                          in_quotes(role.name), name_list(field_names(part))));
      require_role(part.fields[*field], role, name);
      fields.push_back(*field);
    }
    return fields;
  }
  for (std::size_t i = 0; i < part.fields.size(); ++i) {
    const bool is_target = std::find(target.begin(), target.end(), i) != target.end() ||
                           (part.array && part.fields[i].target);
    if (!is_target && !is_listed(options.data.csv.ignore, part.fields[i].name)) fields.push_back(i);
  }
  if (fields.empty()) throw DataError(name, "has no feature columns");
  return fields;
}

/// What a target column is, in a few values that decide the same as all of them.
Column target_head(const RecordField& field) {
  Column column = head_of(field);
  if (field.categorical) return column;
  column.numbers = deciding_numbers(field.low, field.high, field.whole);
  return column;
}

std::vector<std::int64_t> every_row(std::int64_t n) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

Array array_in_memory(const RecordView& view) {
  const RecordField& field = view.feature(0);
  const auto rows = static_cast<std::size_t>(view.set->samples());
  auto buffer = std::make_shared<std::vector<std::byte>>(rows * field.bytes);
  for (std::size_t row = 0; row < rows; ++row) {
    std::memcpy(buffer->data() + row * field.bytes, view.array(static_cast<std::int64_t>(row)),
                field.bytes);
  }
  Array array;
  array.type = field.type;
  array.shape = field.shape;
  array.shape.insert(array.shape.begin(), view.set->samples());
  array.bytes = *buffer;
  array.owner = std::move(buffer);
  return array;
}

/// Fills in `records`, the columns' names and types, the number of rows, and of the target what is
/// needed to decide what it means (not its rows). Which part of the folder is meant is told by
/// `FOLDER#PART`, else by the job's key.
void read_records(SourceRequest& request) {
  Source& source = request.source;
  const Located& located = request.located;
  const SourceOptions& options = request.options;
  const Resolve& resolve = request.resolve;
  const Location& location = located.files[0];
  if (located.files.size() > 1)
    throw InputError(fmt::format("{}: {} fits several folders; prepared data is one", options.key,
                                 located.name));
  if (!request.files.labels.empty())
    throw InputError(
        fmt::format("{}.features: {} is prepared data, which holds features and target "
                    "together; give it as `file`",
                    options.key, location.file.string()));
  if (!is_record_folder(location.file))
    throw DataError(location.file.string(), fmt::format("is no folder of prepared data (no {} in "
                                                        "it); make one with convoy data prepare",
                                                        record_index_name));
  const auto check = [&](const fs::path& file) { resolve(fs::absolute(file).string()); };
  const fs::path index_file = location.file / record_index_name;
  check(index_file);
  const std::string text = read_text_file(index_file);
  const RecordIndex index = parse_record_index(text, index_file.string());
  const std::string checksum =
      fmt::format("{:016x}", xxh3(std::as_bytes(std::span(text.data(), text.size()))));
  const RecordPart& part = choose_part(index, location, options);
  const auto pages =
      options.pages
          ? options.pages
          : std::make_shared<PageKeeper>(static_cast<std::uint64_t>(options.data.memory) << 20);
  auto view = std::make_shared<RecordView>();
  view->set = std::make_shared<RecordSet>(location.file, part, checksum, pages, check);
  const std::string& name = view->set->name();
  view->target = target_fields(part, name, options);
  view->features = feature_fields(part, name, view->target, options);
  if (options.target_optional &&
      std::all_of(view->target.begin(), view->target.end(),
                  [&](std::size_t i) { return part.fields[i].missing == part.samples; }))
    view->target.clear();
  if (view->target.empty() && !options.target_optional) throw DataError(name, "has no target");
  source.file = name;
  source.rows = part.samples;
  if (!part.array) {
    for (const std::size_t field : view->features)
      source.columns.push_back(head_of(part.fields[field]));
  }
  if (!view->target.empty()) {
    source.target.emplace();
    source.target->file = Origin(name);
    source.target->integers = part.integers;
    source.target->classes = part.classes;
    for (const std::size_t field : view->target)
      source.target->columns.push_back(target_head(part.fields[field]));
  }
  source.records = std::move(view);
}

FormatKind records_kind() {
  FormatKind kind;
  kind.name = "records";
  kind.doc =
      "a folder of prepared data (`convoy data prepare`, [records](records.md)); of its parts the "
      "one that the key names, or `FOLDER#PART`";
  kind.title = "prepared data";
  kind.guarantees = {.columns = false};
  kind.holds = Holds::folder;
  kind.whole = read_records;
  kind.folder = [](const fs::path& folder) {
    return is_record_folder(folder) ? Likeness::mark : Likeness::none;
  };
  return kind;
}

const schema::Registered records_format(formats(), records_kind());

}  // namespace

RawTarget record_targets(const Source& source, std::span<const std::int64_t> rows) {
  RawTarget target;
  target.file = source.target->file;
  target.integers = source.target->integers;
  target.classes = source.target->classes;
  target.columns = source.records->targets(rows);
  return target;
}

void read_into_memory(Source& source) {
  if (!source.records) return;
  const RecordView& view = *source.records;
  if (view.set->is_large())
    throw InputError(
        fmt::format("{}: its {} MiB are needed in memory at once, which is more than "
                    "data.memory ({} MiB); raise it, or set it to 0",
                    source.file, view.set->bytes() >> 20, view.set->limit() >> 20));
  const std::vector<std::int64_t> rows = every_row(source.rows);
  if (source.target) source.target = record_targets(source, rows);
  if (view.set->part().array)
    source.array = array_in_memory(view);
  else
    source.columns = view.set->columns(view.features, rows);
  source.records.reset();
}

std::optional<Column> record_column(const RecordView& view, const std::string& name) {
  const auto field = find_field(view.set->part(), name, true);
  if (!field || !view.set->part().fields[*field].shape.empty()) return std::nullopt;
  const std::vector<std::size_t> fields{*field};
  return std::move(view.set->columns(fields, every_row(view.set->samples())).front());
}

}  // namespace convoy
