#include "convoy/checkpoint/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <set>

#include "checkpoint/shards.hpp"
#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view magic = "CONVOYC1";
constexpr std::string_view suffix = ".checkpoint";
constexpr std::string_view prefix = "step-";

const std::vector<std::pair<std::string, torch::ScalarType>>& known_types() {
  static const std::vector<std::pair<std::string, torch::ScalarType>> types = {
      {"float32", torch::kFloat}, {"float64", torch::kDouble}, {"int64", torch::kLong},
      {"int32", torch::kInt},     {"uint8", torch::kByte},     {"bool", torch::kBool}};
  return types;
}

std::string type_name(torch::ScalarType type) {
  for (const auto& [name, known] : known_types()) {
    if (known == type) return name;
  }
  throw InputError(fmt::format("checkpoint: cannot store tensors of type {}", c10::toString(type)));
}

std::span<const std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

void append_u64(std::string& out, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((value >> shift) & 0xff);
}

// Reads untrusted bytes front to back.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  std::span<const std::byte> take(std::uint64_t size, std::string_view what) {
    if (size > bytes_.size() - position_) {
      fail(fmt::format("truncated: {} needs {} bytes, {} are left", what, size,
                       bytes_.size() - position_));
    }
    const auto part = bytes_.subspan(position_, size);
    position_ += size;
    return part;
  }

  std::uint64_t take_u64(std::string_view what) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::byte byte : take(8, what)) {
      value |= static_cast<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw InputError(fmt::format("{}, byte {}: damaged checkpoint: {}", name_, position_, problem));
  }

  bool at_end() const { return position_ == bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
  std::uint64_t position_ = 0;
};

Json parse_header(Reader& reader) {
  const auto start = reader.take(magic.size(), "the file mark");
  if (std::memcmp(start.data(), magic.data(), magic.size()) != 0)
    reader.fail("not a Convoy checkpoint");
  const auto text = reader.take(reader.take_u64("the header's size"), "the header");
  if (xxh3(text) != reader.take_u64("the header's checksum"))
    reader.fail("the header's checksum is wrong");
  const auto* begin = reinterpret_cast<const char*>(text.data());
  Json header = Json::parse(begin, begin + text.size(), nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) reader.fail("the header is not JSON");
  return header;
}

torch::Tensor parse_tensor(Reader& reader, const Json& entry) {
  const std::string type = entry.at("type");
  const auto known = std::find_if(known_types().begin(), known_types().end(),
                                  [&](const auto& item) { return item.first == type; });
  if (known == known_types().end()) reader.fail(fmt::format("unknown type '{}'", type));
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  std::uint64_t size = c10::elementSize(known->second);
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size)) {
      reader.fail("a tensor's shape makes no sense");
    }
  }
  const std::string name = entry.at("name");
  const auto bytes = reader.take(size, name);
  if (xxh3(bytes) != entry.at("xxh3").get<std::uint64_t>()) {
    reader.fail(fmt::format("the checksum of {} is wrong", name));
  }
  torch::Tensor tensor = torch::empty(shape, known->second);
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

fs::path path_of(const fs::path& folder, std::int64_t step) {
  return folder / fmt::format("{}{:010}{}", prefix, step, suffix);
}

// The step in a checkpoint's file name; nothing for other files.
std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size() - suffix.size();
  const auto result = std::from_chars(name.data() + prefix.size(), end, step);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return step;
}

struct Metric {
  double value = 0;
  bool higher_is_better = false;
};

std::optional<Metric> metric_of(const fs::path& path) {
  try {
    const MappedFile file(path);
    Reader reader(file.bytes(), path.string());
    const Json header = parse_header(reader);
    const Json& metric = header.at("meta").at("best_metric");
    if (!metric.at("value").is_number()) return std::nullopt;
    return Metric{metric.at("value"), metric.at("higher_is_better")};
  } catch (const std::exception&) {
    return std::nullopt;  // damaged, or without a metric: it cannot be the best
  }
}

}  // namespace

std::string serialise(const TrainingState& state) {
  Json header = {{"step", state.step}, {"meta", state.meta}, {"tensors", Json::array()}};
  std::vector<torch::Tensor> dense;
  for (const auto& [name, tensor] : state.tensors) {
    dense.push_back(tensor.detach().contiguous());
    header["tensors"].push_back({{"name", name},
                                 {"type", type_name(tensor.scalar_type())},
                                 {"shape", tensor.sizes().vec()},
                                 {"xxh3", xxh3(bytes_of(dense.back()))}});
  }
  const std::string text = header.dump();
  std::string out(magic);
  append_u64(out, text.size());
  out += text;
  append_u64(out, xxh3(bytes_of(text)));
  for (const torch::Tensor& tensor : dense) {
    const auto bytes = bytes_of(tensor);
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return out;
}

TrainingState parse_state(std::span<const std::byte> bytes, const std::string& name) {
  Reader reader(bytes, name);
  const Json header = parse_header(reader);
  TrainingState state;
  try {
    state.step = header.at("step");
    state.meta = header.at("meta");
    for (const Json& entry : header.at("tensors"))
      state.tensors.emplace_back(entry.at("name"), parse_tensor(reader, entry));
  } catch (const Json::exception& error) {
    reader.fail(fmt::format("the header lacks something: {}", error.what()));
  }
  if (!reader.at_end()) reader.fail("bytes follow the last tensor");
  return state;
}

CheckpointStore::CheckpointStore(fs::path folder, std::int64_t keep)
    : folder_(std::move(folder)), keep_(keep) {}

fs::path CheckpointStore::save(const TrainingState& state, const std::vector<ShardFile>& shards) {
  make_folder();
  const fs::path path = path_of(folder_, state.step);
  if (shards.empty()) {
    write_file_atomically(path, serialise(state));
  } else {
    TrainingState with_shards = state;
    with_shards.meta["shards"] = to_json(shards);
    write_file_atomically(path, serialise(with_shards));
  }
  prune(path);
  return path;
}

ShardFile CheckpointStore::save_shard(const Shard& shard, std::int64_t step, int number, int of) {
  make_folder();
  const std::string bytes = serialise(state_of(shard, step));
  const std::string name =
      fmt::format("{}{}{}-of-{}", path_of(folder_, step).stem().string(), shard_mark, number, of);
  write_file_atomically(folder_ / name, bytes);
  return {name, xxh3(bytes_of(bytes))};
}

void CheckpointStore::make_folder() const {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error)
    throw IoError(
        fmt::format("{}: cannot create the folder: {}", folder_.string(), error.message()));
}

std::vector<fs::path> CheckpointStore::list() const {
  std::vector<std::pair<std::int64_t, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (const auto step = step_of(entry.path())) found.emplace_back(*step, entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

std::optional<fs::path> CheckpointStore::best() const {
  std::optional<fs::path> best_path;
  Metric best_metric;
  for (const fs::path& path : list()) {
    const auto metric = metric_of(path);
    if (!metric) continue;
    const bool better = metric->higher_is_better ? metric->value > best_metric.value
                                                 : metric->value < best_metric.value;
    if (best_path && !better) continue;
    best_path = path;
    best_metric = *metric;
  }
  return best_path;
}

void CheckpointStore::prune(const fs::path& newest) {
  const auto keep_best = best();
  std::int64_t kept = 0;
  std::error_code ignored;
  for (const fs::path& path : list()) {
    // One with a higher number than the newest comes from a run that went on further and was then
    // taken back.
    if (path != newest && path > newest) {
      fs::remove(path, ignored);
    } else if (++kept > keep_ && path != keep_best) {
      fs::remove(path, ignored);
    }
  }
  remove_leftovers();
}

// Files that a crash left while writing, and shards without their checkpoint.
void CheckpointStore::remove_leftovers() const {
  std::set<std::string> wanted;
  for (const fs::path& path : list()) wanted.insert(path.stem().string());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t mark = name.find(shard_mark);
    const bool orphan = name.starts_with(prefix) && mark != std::string::npos &&
                        !wanted.contains(name.substr(0, mark));
    if (orphan || name.find(".checkpoint.tmp-") != std::string::npos)
      fs::remove(entry.path(), ignored);
  }
}

TrainingState CheckpointStore::load(const fs::path& path, bool with_shards) {
  const MappedFile file(path);
  TrainingState state = parse_state(file.bytes(), path.string());
  if (with_shards) join_shards(state, path);
  return state;
}

std::optional<CheckpointStore::Loaded> CheckpointStore::load_newest() const {
  const auto paths = list();
  if (paths.empty()) return std::nullopt;
  std::vector<std::string> damaged;
  for (const fs::path& path : paths) {
    try {
      return Loaded{load(path), path, damaged};
    } catch (const InputError& error) {
      damaged.push_back(error.what());
    }
  }
  throw InputError(fmt::format("{}: all {} checkpoints are damaged; the newest: {}",
                               folder_.string(), paths.size(), damaged.front()));
}

}  // namespace convoy
