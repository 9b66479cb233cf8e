#include "checkpoint/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compute/host_tensor.hpp"
#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "core/tensor_bytes.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view magic = "CONVOYC1";

std::string type_name(torch::ScalarType type) {
  for (const auto& [name, known] : element_types()) {
    if (known == type) return name;
  }
  throw InputError(fmt::format("checkpoint: cannot store tensors of type {}", c10::toString(type)));
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

  [[noreturn]] void fail(const std::string& problem) const { fail_at(position_, problem); }
  [[noreturn]] void fail_at(std::uint64_t position, const std::string& problem) const {
    throw InputError(fmt::format("{}, byte {}: damaged checkpoint: {}", name_, position, problem));
  }

  std::uint64_t position() const { return position_; }
  bool at_end() const { return position_ == bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
  std::uint64_t position_ = 0;
};

Json read_header(Reader& reader) {
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

struct TensorBytes {
  std::string name;
  torch::ScalarType type;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

TensorBytes read_tensor(Reader& reader, const Json& entry) {
  const std::string type = entry.at("type");
  const auto known = std::find_if(element_types().begin(), element_types().end(),
                                  [&](const auto& item) { return item.first == type; });
  if (known == element_types().end()) reader.fail(fmt::format("unknown type '{}'", type));
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  std::uint64_t size = c10::elementSize(known->second);
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size)) {
      reader.fail("a tensor's shape makes no sense");
    }
  }
  const std::string name = entry.at("name");
  const std::uint64_t begin = reader.position();
  const auto bytes = reader.take(size, name);
  if (xxh3(bytes) != entry.at("xxh3").get<std::uint64_t>()) {
    reader.fail_at(begin, fmt::format("the checksum of {} ({} bytes from there) is wrong", name,
                                      bytes.size()));
  }
  return {name, known->second, shape, bytes};
}

// The file front to back; `take` gets each tensor whose checksum is right.
template <class Take>
CheckedState read_file(std::span<const std::byte> bytes, const std::string& name, Take take) {
  Reader reader(bytes, name);
  const Json header = read_header(reader);
  CheckedState state;
  try {
    state.step = header.at("step");
    state.meta = header.at("meta");
    for (const Json& entry : header.at("tensors")) {
      take(read_tensor(reader, entry));
      ++state.tensors;
    }
  } catch (const Json::exception& error) {
    reader.fail(fmt::format("the header lacks something: {}", error.what()));
  }
  if (!reader.at_end()) reader.fail("bytes follow the last tensor");
  return state;
}

}  // namespace

EncodedState::EncodedState(const CheckpointState& state) {
  Json header = {{"step", state.step}, {"meta", state.meta}, {"tensors", Json::array()}};
  for (const auto& [name, tensor] : state.tensors) {
    tensors_.push_back(tensor.detach().contiguous());
    header["tensors"].push_back({{"name", name},
                                 {"type", type_name(tensor.scalar_type())},
                                 {"shape", tensor.sizes().vec()},
                                 {"xxh3", xxh3(bytes_of(tensors_.back()))}});
  }
  const std::string text = header.dump();
  head_ = magic;
  append_u64(head_, text.size());
  head_ += text;
  append_u64(head_, xxh3(std::as_bytes(std::span(text))));
}

std::vector<std::span<const std::byte>> EncodedState::parts() const {
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(head_))};
  for (const torch::Tensor& tensor : tensors_) parts.push_back(bytes_of(tensor));
  return parts;
}

Json parse_header(std::span<const std::byte> bytes, const std::string& name) {
  Reader reader(bytes, name);
  return read_header(reader);
}

std::string serialise(const CheckpointState& state) {
  const EncodedState encoded(state);
  std::string out;
  for (const auto& part : encoded.parts())
    out.append(reinterpret_cast<const char*>(part.data()), part.size());
  return out;
}

CheckpointState parse_state(std::span<const std::byte> bytes, const std::string& name) {
  CheckpointState state;
  CheckedState checked = read_file(bytes, name, [&](const TensorBytes& stored) {
    torch::Tensor tensor = torch::empty(stored.shape, stored.type);
    if (!stored.bytes.empty())
      std::memcpy(tensor.data_ptr(), stored.bytes.data(), stored.bytes.size());
    state.tensors.emplace_back(stored.name, std::move(tensor));
  });
  state.step = checked.step;
  state.meta = std::move(checked.meta);
  return state;
}

CheckedState check_state(std::span<const std::byte> bytes, const std::string& name) {
  return read_file(bytes, name, [](const TensorBytes&) {});
}

}  // namespace convoy
