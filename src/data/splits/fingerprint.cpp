#include "data/splits/fingerprint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "convoy/data/splits/same_data.hpp"
#include "core/machine.hpp"
#include "data/formats/array.hpp"
#include "data/peers/agree.hpp"
#include "data/records/record_set.hpp"
#include "schema/json.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

/// A checksum over several pieces: of their checksums.
class Digest {
 public:
  void add(std::span<const std::byte> bytes) { pieces_.push_back(xxh3(bytes)); }
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
  std::string hex() const {
    return fmt::format("{:016x}", xxh3(std::as_bytes(std::span(pieces_))));
  }

 private:
  std::vector<std::uint64_t> pieces_;
};

void add_column(const Column& column, Digest& digest) {
  digest.add(std::as_bytes(std::span(column.numbers)));
  digest.add(std::as_bytes(std::span(column.codes)));
  for (const std::string& category : column.categories) digest.add(category);
}

std::string columns_checksum(const std::vector<Column>& columns) {
  Digest digest;
  for (const Column& column : columns) add_column(column, digest);
  return digest.hex();
}

std::string column_list(const std::vector<Column>& columns) {
  std::string list;
  for (const Column& column : columns) {
    list += fmt::format("{}{}{}", list.empty() ? "" : ", ", column.name,
                        column.categorical ? " (text)" : "");
  }
  return list;
}

std::vector<std::string> categories_of(const std::vector<Column>& columns) {
  std::vector<std::string> names;
  for (const Column& column : columns)
    names.insert(names.end(), column.categories.begin(), column.categories.end());
  std::sort(names.begin(), names.end());
  return names;
}

std::string step_text(const PreprocessStep& step) {
  const schema::AnyOptions options = options_of(step);
  return fmt::format("{} {}", step.kind, schema::to_json([&](schema::Visitor& visitor) {
                                           options.describe(visitor);
                                         }).dump());
}

/// A worker's side of the comparison.
struct Fingerprint {
  std::string name;  // "worker 2 (host)"
  std::vector<Trait> traits;
};

[[noreturn]] void not_a_fingerprint(std::size_t worker) {
  throw InputError(fmt::format(
      "worker {} sent something else than expected about its data; all workers need the same job "
      "and the same build of convoy",
      worker));
}

Fingerprint read_fingerprint(const std::string& text, std::size_t worker) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  Fingerprint fingerprint;
  try {
    fingerprint.name = worker_name(worker, json.at("host").get<std::string>());
    for (const Json& trait : json.at("traits"))
      fingerprint.traits.push_back(
          {trait.at(0).get<std::string>(), trait.at(1).get<std::string>()});
  } catch (const Json::exception&) {
    not_a_fingerprint(worker);
  }
  return fingerprint;
}

/// Long values (lists of names) cut down to where they begin to differ.
std::string excerpt(const std::string& value, const std::string& other) {
  constexpr std::size_t longest = 80;
  constexpr std::size_t before = 20;
  if (value.size() <= longest) return value.empty() ? "nothing" : value;
  const auto differ = std::mismatch(value.begin(), value.end(), other.begin(), other.end()).first;
  const auto at = static_cast<std::size_t>(differ - value.begin());
  const std::size_t begin = at > longest - before ? at - before : 0;
  return fmt::format("{}{}{}", begin > 0 ? "..." : "", value.substr(begin, longest),
                     begin + longest < value.size() ? "..." : "");
}

std::optional<std::string> difference(const Fingerprint& worker, const Fingerprint& first,
                                      const std::string& reference) {
  const std::size_t both = std::min(worker.traits.size(), first.traits.size());
  for (std::size_t i = 0; i < both; ++i) {
    const Trait& a = worker.traits[i];
    const Trait& b = first.traits[i];
    if (a.what != b.what) return fmt::format("{} where {} has {}", a.what, reference, b.what);
    if (a.value == b.value) continue;
    return fmt::format("{}: {} where {} has {}", a.what, excerpt(a.value, b.value), reference,
                       excerpt(b.value, a.value));
  }
  if (worker.traits.size() == first.traits.size()) return std::nullopt;
  return "its job names other files or steps";
}

}  // namespace

std::string array_checksum(std::span<const std::byte> bytes) {
  constexpr std::size_t edge = 64 * 1024;
  constexpr std::size_t pages = 64;
  constexpr std::size_t page = 4096;
  Digest digest;
  if (bytes.size() <= 2 * edge + pages * page) {
    digest.add(bytes);
    return digest.hex();
  }
  digest.add(bytes.first(edge));
  digest.add(bytes.last(edge));
  const std::size_t distance = (bytes.size() - 2 * edge) / pages;
  for (std::size_t i = 0; i < pages; ++i) digest.add(bytes.subspan(edge + i * distance, page));
  return digest.hex();
}

std::string text_checksum(const std::vector<Content>& files) {
  Digest digest;
  for (const Content& file : files) digest.add(file.bytes);
  return digest.hex();
}

std::string bad_samples_text(const BadSamples& bad) {
  if (bad.empty()) return "0";
  const std::vector<std::int64_t> numbers = bad.numbers();
  return fmt::format("{} ({:016x})", numbers.size(), xxh3(std::as_bytes(std::span(numbers))));
}

void add_traits(const std::string& split, const Source& source, std::vector<Trait>& traits) {
  const auto add = [&](const char* what, std::string value) {
    traits.push_back({fmt::format("{}: {}", split, what), std::move(value)});
  };
  add("samples", std::to_string(source.rows));
  add("samples left out", bad_samples_text(source.bad));
  if (source.records) {
    add("columns",
        source.is_array() ? shape_text(sample_shape(source)) : column_list(source.columns));
    add("checksum of the prepared data", source.records->set->checksum());
    return;
  }
  if (source.array && source.whole) {
    add("a sample of the array",
        fmt::format("{} {}", shape_text(source.whole->shape), name_of(source.array->type)));
    add("checksum of the features", source.whole->checksum);
  } else if (source.whole) {
    add("columns", fmt::format("{}", fmt::join(source.whole->columns, ", ")));
    add("checksum of the features", source.whole->checksum);
  } else if (source.array) {
    const std::span<const std::int64_t> shape = source.array->shape;
    add("a sample of the array",
        fmt::format("{} {}", shape_text(shape.subspan(shape.empty() ? 0 : 1)),
                    name_of(source.array->type)));
    add("checksum of the features", array_checksum(source.array->bytes));
  } else {
    add("columns", column_list(source.columns));
    add("checksum of the features", columns_checksum(source.columns));
  }
  if (!source.target) return;
  add("target columns", column_list(source.target->columns));
  add("names in the target",
      fmt::format("{}", fmt::join(categories_of(source.target->columns), ", ")));
  add("checksum of the target", columns_checksum(source.target->columns));
}

void add_traits(const SplitRows& rows, const std::vector<PreprocessStep>& steps,
                std::vector<Trait>& traits) {
  Digest digest;
  for (const auto* split : {&rows.train, &rows.validation, &rows.test})
    digest.add(std::as_bytes(std::span(*split)));
  traits.push_back({"samples to train on", std::to_string(rows.train.size())});
  traits.push_back({"checksum of which sample is in which split", digest.hex()});
  for (std::size_t i = 0; i < steps.size(); ++i)
    traits.push_back({fmt::format("preprocess[{}]", i), step_text(steps[i])});
}

std::string values_checksum(const Column& values) {
  Digest digest;
  add_column(values, digest);
  return digest.hex();
}

void add_traits(const Column& values, std::vector<Trait>& traits) {
  traits.push_back({"partition.value", values.name + (values.categorical ? " (text)" : "")});
  traits.push_back(
      {"checksum of the values that samples are partitioned by", values_checksum(values)});
}

std::string fingerprint_text(const std::vector<Trait>& traits) {
  Json list = Json::array();
  for (const Trait& trait : traits) list.push_back({trait.what, trait.value});
  const Json json = {{"host", host_name()}, {"traits", std::move(list)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void require_same_data(std::span<const std::string> fingerprints,
                       std::span<const std::size_t> workers) {
  if (fingerprints.size() < 2) return;
  const auto number = [&](std::size_t i) { return i < workers.size() ? workers[i] : i; };
  const Fingerprint first = read_fingerprint(fingerprints[0], number(0));
  const std::string reference = worker_name(number(0), "");
  std::string example;
  std::vector<std::string> names;
  for (std::size_t i = 1; i < fingerprints.size(); ++i) {
    const Fingerprint worker = read_fingerprint(fingerprints[i], number(i));
    const std::optional<std::string> found = difference(worker, first, reference);
    if (!found) continue;
    if (names.empty()) example = *found;
    names.push_back(worker.name);
  }
  if (names.empty()) return;
  throw InputError(fmt::format("{} {} other data than {}: {}{}", fmt::join(names, ", "),
                               names.size() == 1 ? "has" : "have", first.name,
                               names.size() == 1 ? "" : "first ", example));
}

}  // namespace convoy
