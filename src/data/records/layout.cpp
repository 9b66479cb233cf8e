#include "data/records/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/integrity/json_checksum.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;
static_assert(std::endian::native == std::endian::little);

constexpr const char* index_format = "convoy-records";
constexpr std::uint64_t records_version = 1;
constexpr std::size_t most_record_bytes = std::size_t{1} << 40;
constexpr std::int64_t most_records = std::int64_t{1} << 48;

constexpr std::array element_types = {ElementType::u8,  ElementType::i8,  ElementType::u16,
                                      ElementType::i16, ElementType::u32, ElementType::i32,
                                      ElementType::u64, ElementType::i64, ElementType::f16,
                                      ElementType::f32, ElementType::f64};

[[noreturn]] void bad_index(const std::string& problem) {
  throw InputError(problem);
}

std::uint64_t checksum_from(const std::string& text) {
  const auto checksum = checksum_from_text(text);
  if (!checksum) bad_index("a checksum is none");
  return *checksum;
}

ElementType type_named(const std::string& name) {
  for (const ElementType type : element_types) {
    if (name == name_of(type)) return type;
  }
  bad_index("an element type that is none");
}

Json field_json(const RecordField& field) {
  Json json = {{"name", field.name},
               {"role", field.target ? "target" : "feature"},
               {"type", field.categorical ? "category" : name_of(field.type)}};
  if (!field.shape.empty()) json["shape"] = field.shape;
  if (field.categorical) json["categories"] = field.categories;
  if (field.missing > 0) json["missing"] = field.missing;
  if (std::isnan(field.low)) return json;
  json["low"] = field.low;
  json["high"] = field.high;
  json["whole"] = field.whole;
  return json;
}

RecordField read_field(const Json& json, std::int64_t samples) {
  RecordField field;
  field.name = json.at("name").get<std::string>();
  const auto role = json.at("role").get<std::string>();
  if (role != "target" && role != "feature") bad_index("a role that is none");
  field.target = role == "target";
  const auto type = json.at("type").get<std::string>();
  field.categorical = type == "category";
  field.type = field.categorical ? ElementType::u32 : type_named(type);
  if (json.contains("shape")) field.shape = json.at("shape").get<std::vector<std::int64_t>>();
  if (field.categorical) field.categories = json.at("categories").get<std::vector<std::string>>();
  if (field.categories.size() >= std::numeric_limits<std::int32_t>::max())
    bad_index("too many categories");
  field.missing = json.value("missing", std::int64_t{0});
  if (field.missing < 0 || field.missing > samples) bad_index("an impossible count");
  if (!json.contains("low")) return field;
  field.low = json.at("low").get<double>();
  field.high = json.at("high").get<double>();
  field.whole = json.at("whole").get<bool>();
  if (!(field.low <= field.high)) bad_index("an impossible range");
  return field;
}

/// Features are one array, or columns of one value with different names; targets are columns.
void require_sound_fields(const RecordPart& part) {
  std::unordered_set<std::string_view> names[2];  // of features, of targets
  std::size_t features = 0;
  for (const RecordField& field : part.fields) {
    if (!names[field.target ? 1 : 0].insert(field.name).second) bad_index("two fields of one name");
    const bool array = part.array && !field.target;
    if (!array && !field.shape.empty()) bad_index("a column that has a shape");
    if (array && field.categorical) bad_index("an array of categories");
    features += field.target ? 0 : 1;
  }
  if (features == 0 || (part.array && features != 1)) bad_index("no features, or several arrays");
}

Json part_json(const RecordPart& part) {
  Json json = {{"name", part.name},
               {"source", part.source},
               {"features", part.array ? "array" : "table"},
               {"samples", part.samples},
               {"record_bytes", part.record_bytes},
               {"shard_samples", part.shard_samples},
               {"integers", part.integers},
               {"classes", part.classes},
               {"fields", Json::array()},
               {"shards", Json::array()}};
  for (const RecordField& field : part.fields) json["fields"].push_back(field_json(field));
  for (std::size_t i = 0; i < part.shards.size(); ++i) {
    const RecordShard& shard = part.shards[i];
    json["shards"].push_back({{"file", part.shard_file(i)},
                              {"samples", shard.samples},
                              {"bytes", shard.bytes},
                              {"xxh3", checksum_text(shard.xxh3)}});
  }
  return json;
}

void read_shards(const Json& json, RecordPart& part) {
  std::int64_t samples = 0;
  for (const Json& entry : json) {
    RecordShard shard;
    shard.samples = entry.at("samples").get<std::int64_t>();
    shard.bytes = entry.at("bytes").get<std::uint64_t>();
    shard.xxh3 = checksum_from(entry.at("xxh3").get<std::string>());
    if (entry.at("file") != part.shard_file(part.shards.size())) bad_index("a shard's name");
    std::uint64_t bytes = 0;
    if (shard.samples < 1 || shard.samples > part.shard_samples ||
        __builtin_mul_overflow(static_cast<std::uint64_t>(shard.samples), part.record_bytes,
                               &bytes) ||
        shard.bytes < record_header_bytes || shard.bytes - record_header_bytes != bytes)
      bad_index("a shard whose size does not fit its samples");
    if (!part.shards.empty() && part.shards.back().samples != part.shard_samples)
      bad_index("a short shard before the last");
    samples += shard.samples;
    if (samples > part.samples) bad_index("shards with too many samples");
    part.shards.push_back(shard);
  }
  if (samples != part.samples) bad_index("shards with too few samples");
}

RecordPart read_part(const Json& json) {
  RecordPart part;
  part.name = json.at("name").get<std::string>();
  if (part.name != "train" && part.name != "validation" && part.name != "test")
    bad_index("a part of unknown name");
  part.source = json.at("source").get<std::string>();
  const auto features = json.at("features").get<std::string>();
  if (features != "array" && features != "table") bad_index("features of unknown kind");
  part.array = features == "array";
  part.samples = json.at("samples").get<std::int64_t>();
  part.shard_samples = json.at("shard_samples").get<std::int64_t>();
  part.integers = json.at("integers").get<bool>();
  part.classes = json.at("classes").get<std::int64_t>();
  if (part.samples < 1 || part.samples > most_records || part.shard_samples < 1 ||
      part.shard_samples > most_records || part.classes < 0)
    bad_index("an impossible count");
  for (const Json& field : json.at("fields"))
    part.fields.push_back(read_field(field, part.samples));
  require_sound_fields(part);
  lay_out(part);
  if (json.at("record_bytes").get<std::uint64_t>() != part.record_bytes)
    bad_index("records of a size that does not fit their fields");
  read_shards(json.at("shards"), part);
  return part;
}

RecordIndex read_index(std::string_view text) {
  // Deeper than an index is: writing JSON recurses. What is left out spoils the checksum.
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < 10; };
  const Json json = Json::parse(text, shallow);
  if (json.at("format") != index_format) bad_index("it is not an index of records");
  if (json.at("checksum") != own_checksum(json)) bad_index("its own checksum is wrong");
  if (json.at("version") != records_version)
    bad_index("it was written by another version of convoy");
  RecordIndex index;
  for (const Json& entry : json.at("parts")) {
    RecordPart part = read_part(entry);
    if (index.find(part.name) != nullptr) bad_index("two parts of one name");
    index.parts.push_back(std::move(part));
  }
  if (index.parts.empty()) bad_index("it has no parts");
  return index;
}

using HeaderWords = std::array<std::uint64_t, record_header_bytes / sizeof(std::uint64_t)>;

HeaderWords header_of(const RecordPart& part, std::int64_t samples, std::int64_t first) {
  HeaderWords header{};
  std::memcpy(header.data(), "CONVOYRC", sizeof(std::uint64_t));
  header[1] = records_version;
  header[2] = record_header_bytes;
  header[3] = part.record_bytes;
  header[4] = static_cast<std::uint64_t>(samples);
  header[5] = static_cast<std::uint64_t>(first);
  header[6] = part.fields_checksum;
  header[7] = xxh3(std::as_bytes(std::span(header).first(header.size() - 1)));
  return header;
}

}  // namespace

std::string RecordPart::shard_file(std::size_t shard) const {
  return fmt::format("{}/part-{:05}.records", name, shard);
}

const RecordPart* RecordIndex::find(std::string_view name) const {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

void lay_out(RecordPart& part) {
  std::size_t at = 0;
  std::size_t widest = 1;
  for (const std::size_t width : {8, 4, 2, 1}) {
    for (RecordField& field : part.fields) {
      if (size_of(field.type) != width) continue;
      const std::size_t count = element_count(field.shape, field.type).value_or(0);
      if (count == 0 || count > most_record_bytes / width)
        throw InputError(fmt::format("samples of {} cannot be records", shape_text(field.shape)));
      field.offset = at;
      field.bytes = count * width;
      at += field.bytes;
      widest = std::max(widest, width);
      if (at > most_record_bytes) throw InputError("records of more than a TiB");
    }
  }
  part.record_bytes = (at + widest - 1) / widest * widest;
  Json json = Json::array();
  for (const RecordField& field : part.fields) json.push_back(field_json(field));
  part.fields_checksum = json_checksum(json);
}

std::string format_record_index(const RecordIndex& index) {
  Json json = {{"format", index_format}, {"version", records_version}, {"parts", Json::array()}};
  for (const RecordPart& part : index.parts) json["parts"].push_back(part_json(part));
  json["checksum"] = own_checksum(json);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

RecordIndex parse_record_index(std::string_view text, const std::string& name) {
  try {
    return read_index(text);
  } catch (const InputError& error) {
    throw DataError(name, fmt::format("is damaged ({}); prepare the data again", error.what()));
  } catch (const Json::exception&) {
    throw DataError(name,
                    "is damaged (it is not a whole index of records); prepare the data again");
  }
}

std::vector<std::byte> format_record_header(const RecordPart& part, std::int64_t samples,
                                            std::int64_t first) {
  const HeaderWords header = header_of(part, samples, first);
  const auto bytes = std::as_bytes(std::span(header));
  return {bytes.begin(), bytes.end()};
}

void check_record_shard(std::span<const std::byte> file, const RecordPart& part, std::size_t shard,
                        const std::string& name) {
  const RecordShard& expected = part.shards.at(shard);
  const auto fail = [&](const std::string& problem) {
    throw DataError(name, problem +
                              "; restore it (convoy data verify says what is damaged), or "
                              "prepare the data again");
  };
  if (file.size() != expected.bytes)
    fail(fmt::format("has {} bytes where its index says {}", file.size(), expected.bytes));
  const std::int64_t first = static_cast<std::int64_t>(shard) * part.shard_samples;
  const HeaderWords header = header_of(part, expected.samples, first);
  if (std::memcmp(file.data(), header.data(), record_header_bytes) != 0)
    fail("its header is damaged, or of another data set than the index");
}

}  // namespace convoy
