#include "data/formats/torch_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/archive.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/pickle.hpp"

namespace convoy {
namespace {

using PickleRef = PickleValue::Ref;
using PickleKind = PickleValue::Kind;

constexpr std::string_view pickle_ending = "/data.pkl";
constexpr std::size_t most_torch_depth = 32;
constexpr std::size_t most_torch_visits = 1'000'000;

struct TorchType {
  ElementType type;
  bool bfloat = false;  // stored as two bytes, the upper half of an f32
};

const std::map<std::string, TorchType, std::less<>>& torch_types() {
  static const std::map<std::string, TorchType, std::less<>> types = {
      {"torch.FloatStorage", {ElementType::f32}},
      {"torch.DoubleStorage", {ElementType::f64}},
      {"torch.HalfStorage", {ElementType::f16}},
      {"torch.BFloat16Storage", {ElementType::f32, true}},
      {"torch.LongStorage", {ElementType::i64}},
      {"torch.IntStorage", {ElementType::i32}},
      {"torch.ShortStorage", {ElementType::i16}},
      {"torch.CharStorage", {ElementType::i8}},
      {"torch.ByteStorage", {ElementType::u8}},
      {"torch.BoolStorage", {ElementType::u8}},
      {"torch.uint16", {ElementType::u16}},
      {"torch.uint32", {ElementType::u32}},
      {"torch.uint64", {ElementType::u64}}};
  return types;
}

/// A tensor as the pickle describes it.
struct TorchTensor {
  std::string name;
  PickleRef call = 0;  // of the function that makes it
};

/// The tensors of a pickle, by name.
class TorchTensors {
 public:
  TorchTensors(const Pickle& pickle, const std::string& file) : pickle_(pickle), file_(file) {
    visit(pickle_.root, "", 0);
  }
  const std::vector<TorchTensor>& list() const { return list_; }

  /// The function of a call: "torch._utils._rebuild_tensor_v2".
  const std::string& function(const PickleValue& call) const {
    return pickle_.at(call.items.at(0)).text;
  }
  std::span<const PickleRef> arguments(const PickleValue& call) const {
    return pickle_.at(call.items.at(1)).items;
  }

  /// What a value is behind the wrappers that PyTorch puts around tensors and containers.
  PickleRef unwrap(PickleRef ref) const {
    for (std::size_t depth = 0; depth < most_torch_depth; ++depth) {
      const PickleValue& value = pickle_.at(ref);
      if (value.kind != PickleKind::object || arguments(value).empty()) break;
      const std::string& name = function(value);
      if (name != "torch._utils._rebuild_parameter" &&
          name != "torch._utils._rebuild_parameter_v2" &&
          name != "torch._utils._rebuild_parameter_with_state" &&
          name != "torch.jit._pickle.restore_type_tag" &&
          name != "torch.jit._pickle.build_tensorlist")
        break;
      ref = arguments(value)[0];
    }
    return ref;
  }

 private:
  void visit(PickleRef wrapped, const std::string& name, std::size_t depth) {
    if (++visits_ > most_torch_visits)
      throw DataError(file_, fmt::format("holds more than {} values", most_torch_visits));
    if (depth > most_torch_depth) return;
    const PickleRef ref = unwrap(wrapped);
    const PickleValue& value = pickle_.at(ref);
    if (value.kind == PickleKind::object && function(value).starts_with("torch._utils._rebuild_")) {
      list_.push_back({name.empty() ? "tensor" : name, ref});
      return;
    }
    const auto below = [&](const std::string& key) {
      return name.empty() ? key : fmt::format("{}/{}", name, key);
    };
    if (value.kind == PickleKind::sequence) {
      for (std::size_t i = 0; i < value.items.size(); ++i)
        visit(value.items[i], below(std::to_string(i)), depth + 1);
    }
    for (const auto& [key, item] : value.pairs) {
      const PickleValue& name_of_item = pickle_.at(key);
      if (name_of_item.kind == PickleKind::text)
        visit(item, below(name_of_item.text), depth + 1);
      else if (name_of_item.kind == PickleKind::integer)
        visit(item, below(std::to_string(name_of_item.integer)), depth + 1);
    }
    if (value.kind == PickleKind::object && value.state != 0) visit(value.state, name, depth + 1);
  }

  const Pickle& pickle_;
  const std::string& file_;
  std::vector<TorchTensor> list_;
  std::size_t visits_ = 0;
};

/// How the elements of a tensor lie in its storage.
struct TorchLayout {
  std::string key;  // of the storage
  TorchType type;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

class LayoutReader {
 public:
  LayoutReader(const Pickle& pickle, const TorchTensors& tensors, const std::string& name)
      : pickle_(pickle), tensors_(tensors), name_(name) {}

  TorchLayout read(const PickleValue& call) const {
    const std::string& function = tensors_.function(call);
    const bool typed = function == "torch._utils._rebuild_tensor_v3";
    if (!typed && function != "torch._utils._rebuild_tensor_v2") {
      throw DataError(name_, fmt::format("a tensor made by {} cannot be read; save a dense one",
                                         in_quotes(function)));
    }
    const std::span<const PickleRef> arguments = tensors_.arguments(call);
    if (arguments.size() < (typed ? 7U : 4U)) fail();
    const PickleValue& storage = pickle_.at(arguments[0]);
    if (storage.kind != PickleKind::persistent) fail();
    const std::vector<PickleRef>& id = pickle_.at(storage.items.at(0)).items;
    if (id.size() < 5 || pickle_.at(id[0]).text != "storage") fail();
    TorchLayout layout;
    layout.type = type_named(pickle_.at(typed ? arguments[6] : id[1]).text);
    layout.key = pickle_.at(id[2]).text;
    layout.offset = number(arguments[1]);
    layout.shape = numbers(arguments[2]);
    layout.strides = numbers(arguments[3]);
    if (layout.shape.size() != layout.strides.size()) fail();
    return layout;
  }

 private:
  [[noreturn]] void fail() const {
    throw DataError(name_, "damaged: the pickle does not describe a tensor");
  }
  TorchType type_named(const std::string& type) const {
    const auto known = torch_types().find(type);
    if (known != torch_types().end()) return known->second;
    throw DataError(name_,
                    fmt::format("elements of type {} are not supported; save them as bool, an "
                                "integer or a float of up to 64 bits",
                                in_quotes(type)));
  }
  std::int64_t number(PickleRef ref) const {
    const PickleValue& value = pickle_.at(ref);
    if (value.kind != PickleKind::integer || value.integer < 0) fail();
    return value.integer;
  }
  std::vector<std::int64_t> numbers(PickleRef ref) const {
    std::vector<std::int64_t> out;
    for (const PickleRef item : pickle_.at(ref).items) out.push_back(number(item));
    return out;
  }

  const Pickle& pickle_;
  const TorchTensors& tensors_;
  const std::string& name_;
};

/// Whether the elements lie one after the other, in C order.
bool is_contiguous(const TorchLayout& layout) {
  std::int64_t expected = 1;
  for (std::size_t d = layout.shape.size(); d-- > 0;) {
    if (layout.shape[d] != 1 && layout.strides[d] != expected) return false;
    expected *= layout.shape[d];
  }
  return true;
}

/// The number of the last element in the storage, if that can be told.
std::optional<std::int64_t> last_element(const TorchLayout& layout) {
  std::int64_t last = layout.offset;
  for (std::size_t d = 0; d < layout.shape.size(); ++d) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(layout.shape[d] - 1, layout.strides[d], &step) ||
        __builtin_add_overflow(last, step, &last))
      return std::nullopt;
  }
  return last;
}

/// The elements of a tensor that does not have them in C order, copied into that order.
std::vector<std::byte> gather_elements(const TorchLayout& layout, std::size_t count,
                                       std::size_t width, std::span<const std::byte> storage) {
  std::vector<std::byte> out(count * width);
  std::vector<std::int64_t> index(layout.shape.size(), 0);
  std::int64_t from = layout.offset;
  for (std::size_t to = 0; to < count; ++to) {
    std::memcpy(out.data() + to * width, storage.data() + static_cast<std::size_t>(from) * width,
                width);
    for (std::size_t d = layout.shape.size(); d-- > 0;) {
      from += layout.strides[d];
      if (++index[d] < layout.shape[d]) break;
      from -= layout.strides[d] * layout.shape[d];
      index[d] = 0;
    }
  }
  return out;
}

/// bfloat16, in native order, as float32.
void widen_bfloat(Array& array) {
  const std::size_t count = array.bytes.size() / 2;
  std::vector<std::byte> out(count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, array.bytes.data() + 2 * i, 2);
    const std::uint32_t whole = std::uint32_t{half} << 16;
    std::memcpy(out.data() + 4 * i, &whole, 4);
  }
  const auto owner = own(std::move(out));
  array.type = ElementType::f32;
  array.bytes = *owner;
  array.owner = owner;
}

/// The tensor's elements from its storage.
Array array_of(const TorchLayout& layout, std::vector<std::byte> bytes, bool big_endian,
               const std::string& name) {
  const ElementType stored = layout.type.bfloat ? ElementType::u16 : layout.type.type;
  const std::size_t width = size_of(stored);
  const auto count = element_count(layout.shape, stored);
  if (!count) throw DataError(name, fmt::format("impossible shape {}", shape_text(layout.shape)));
  const auto storage = own(std::move(bytes));
  const std::size_t there = storage->size() / width;
  const auto last = *count == 0 ? std::optional<std::int64_t>(-1) : last_element(layout);
  if (!last || *last >= static_cast<std::int64_t>(there)) {
    throw DataError(name, fmt::format("truncated: a tensor of {} does not fit its storage of {} "
                                      "elements",
                                      shape_text(layout.shape), there));
  }
  if (*count > there) {
    throw DataError(name,
                    fmt::format("a tensor of {} shares the {} elements of its storage; save it "
                                "with .contiguous()",
                                shape_text(layout.shape), there));
  }
  Array array;
  array.type = stored;
  array.shape = layout.shape;
  array.owner = storage;
  if (*count == 0) {
    array.bytes = {};
  } else if (is_contiguous(layout)) {
    array.bytes = std::span(*storage).subspan(static_cast<std::size_t>(layout.offset) * width,
                                              *count * width);
  } else {
    const auto gathered = own(gather_elements(layout, *count, width, *storage));
    array.bytes = *gathered;
    array.owner = gathered;
  }
  make_readable(array, big_endian == (std::endian::native == std::endian::little));
  if (layout.type.bfloat) widen_bfloat(array);
  return array;
}

std::size_t find_pickle(const ZipArchive& archive) {
  const auto& names = archive.names();
  const auto found = std::find_if(names.begin(), names.end(), [](const std::string& name) {
    return name.ends_with(pickle_ending);
  });
  return found == names.end() ? ZipArchive::none : static_cast<std::size_t>(found - names.begin());
}

/// The parts of a file, each made from the one before.
struct TorchArchive {
  TorchArchive(std::span<const std::byte> bytes, const std::string& file)
      : name(file),
        archive(new_format(bytes, file), file),
        folder(folder_of(archive, file)),
        pickle(parse_pickle(archive.read(find_pickle(archive)),
                            fmt::format("{}, member {}", file, in_quotes(folder + "/data.pkl")))),
        tensors(pickle, name) {
    for (const TorchTensor& tensor : tensors.list()) names.push_back(tensor.name);
  }
  TorchArchive(const TorchArchive&) = delete;
  TorchArchive& operator=(const TorchArchive&) = delete;

  std::string name;
  ZipArchive archive;
  std::string folder;  // of the members
  Pickle pickle;
  TorchTensors tensors;
  std::vector<std::string> names;  // of the tensors

 private:
  static std::span<const std::byte> new_format(std::span<const std::byte> bytes,
                                               const std::string& file) {
    if (!is_old_torch_file(bytes)) return bytes;
    throw DataError(file,
                    "is in the format of PyTorch before 1.6; load it there and save it again with "
                    "torch.save");
  }
  static std::string folder_of(const ZipArchive& archive, const std::string& file) {
    const std::size_t found = find_pickle(archive);
    if (found == archive.none) throw DataError(file, "holds no data.pkl: not a file of PyTorch");
    const std::string& member = archive.names()[found];
    return member.substr(0, member.size() - pickle_ending.size());
  }
};

}  // namespace

bool is_torch_archive(const ZipArchive& archive) {
  return find_pickle(archive) != ZipArchive::none;
}

bool is_old_torch_file(std::span<const std::byte> bytes) {
  constexpr std::string_view magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with(magic);
}

std::vector<std::string> torch_names(std::span<const std::byte> bytes, const std::string& name) {
  const TorchArchive file(bytes, name);
  return file.names;
}

Array parse_torch(std::span<const std::byte> bytes, const std::string& name,
                  const std::string& wanted) {
  const TorchArchive file(bytes, name);
  const ZipArchive& archive = file.archive;
  const TorchTensor& chosen = file.tensors.list()[choose_array(file.names, wanted, name)];
  const std::string label = wanted.empty() ? name : fmt::format("{}#{}", name, chosen.name);
  const TorchLayout layout =
      LayoutReader(file.pickle, file.tensors, label).read(file.pickle.at(chosen.call));
  const std::size_t storage = archive.find(fmt::format("{}/data/{}", file.folder, layout.key));
  if (storage == archive.none)
    throw DataError(label, "truncated: the archive lacks the tensor's elements");
  bool big_endian = false;
  if (const std::size_t order = archive.find(file.folder + "/byteorder"); order != archive.none) {
    const std::vector<std::byte> text = archive.read(order);
    big_endian = std::string_view(reinterpret_cast<const char*>(text.data()), text.size()) == "big";
  }
  return array_of(layout, archive.read(storage), big_endian, label);
}

namespace {

FormatKind torch_kind() {
  FormatKind kind;
  kind.name = "pt";
  kind.doc = "tensors that PyTorch or libtorch saved";
  kind.title = "PT";
  kind.holds = Holds::array;
  kind.endings = {".pt", ".pth"};
  kind.likeness = [](const Content& file) {
    const bool own = is_zip(file.bytes) ? is_torch_archive(ZipArchive(file.bytes, file.name))
                                        : is_old_torch_file(file.bytes);
    return own ? Likeness::whole : Likeness::none;  // their archives may have a .npy in them
  };
  kind.array = [](const Content& file) { return parse_torch(file.bytes, file.name, file.array); };
  kind.arrays = [](const Content& file) { return torch_names(file.bytes, file.name); };
  return kind;
}

const schema::Registered torch_format(formats(), torch_kind());

}  // namespace

}  // namespace convoy
