#include "data/formats/hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/apart.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/hdf5_dataset.hpp"

namespace convoy {
namespace {

/// "TYPE OFFSET DIMENSION..." of the answer.
Array array_of_answer(const ApartResult& result, std::span<const std::byte> file,
                      std::shared_ptr<const void> owner, const std::string& name) {
  const std::string& text = result.answer;
  std::vector<std::int64_t> numbers;
  for (const char *at = text.data(), *end = at + text.size(); at < end;) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc{}) break;
    numbers.push_back(number);
    at = stop + 1;
  }
  const auto damaged = [&] { return DataError(name, "damaged: its elements are not in the file"); };
  if (numbers.size() < 2 || numbers[0] < 0 || numbers[0] > static_cast<int>(ElementType::f64))
    throw damaged();
  Array array;
  array.type = static_cast<ElementType>(numbers[0]);
  array.shape.assign(numbers.begin() + 2, numbers.end());
  const auto count = element_count(array.shape, array.type);
  if (!count) throw damaged();
  const std::size_t size = *count * size_of(array.type);
  if (numbers[1] < 0) {
    array.bytes = result.bytes;
    array.owner = result.owner;
  } else {
    const auto offset = static_cast<std::size_t>(numbers[1]);
    if (offset > file.size() || size > file.size() - offset) throw damaged();
    array.bytes = file.subspan(offset, size);
    array.owner = std::move(owner);
    make_readable(array, false);
  }
  if (array.bytes.size() != size) throw damaged();
  return array;
}

void require_hdf5(std::span<const std::byte> bytes, const std::string& name) {
  if (!is_hdf5(bytes)) throw DataError(name, "has no signature of HDF5: not an HDF5 file");
}

std::chrono::seconds cpu_time_for(std::span<const std::byte> bytes) {
  constexpr std::size_t bytes_a_second = 4 << 20;  // what the slowest machine unpacks with ease
  return std::chrono::seconds(30 + bytes.size() / bytes_a_second);
}

}  // namespace

bool is_hdf5(std::span<const std::byte> bytes) {
  constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  for (std::size_t at = 0; at < bytes.size(); at = at == 0 ? 512 : at * 2) {
    if (bytes.size() - at >= signature.size() &&
        std::memcmp(bytes.data() + at, signature.data(), signature.size()) == 0)
      return true;
  }
  return false;
}

std::vector<std::string> hdf5_names(std::span<const std::byte> bytes, const std::string& name) {
  require_hdf5(bytes, name);
  std::string joined = run_apart(name, cpu_time_for(bytes), [&](ApartMemory&) {
                         std::string all;
                         for (const std::string& one : Hdf5Image(bytes, name).names())
                           all += one + '\0';
                         return all;
                       }).answer;
  std::vector<std::string> names;
  for (std::size_t end = 0; (end = joined.find('\0')) != joined.npos; joined.erase(0, end + 1))
    names.push_back(joined.substr(0, end));
  return names;
}

Array parse_hdf5(std::span<const std::byte> bytes, const std::string& name,
                 const std::string& wanted, std::shared_ptr<const void> owner) {
  require_hdf5(bytes, name);
  const ApartResult result = run_apart(name, cpu_time_for(bytes), [&](ApartMemory& memory) {
    const Hdf5Dataset dataset = Hdf5Image(bytes, name).open(wanted);
    const std::int64_t offset = dataset.offset();
    if (offset < 0) dataset.read(memory.allocate(dataset.size()));
    return fmt::format("{} {} {}", static_cast<int>(dataset.type()), offset,
                       fmt::join(dataset.shape(), " "));
  });
  const std::string label = wanted.empty() ? name : fmt::format("{}#{}", name, wanted);
  return array_of_answer(result, bytes, std::move(owner), label);
}

namespace {

FormatKind hdf5_kind() {
  FormatKind kind;
  kind.name = "hdf5";
  kind.doc = "datasets of HDF5";
  kind.title = "HDF5";
  kind.holds = Holds::array;
  kind.endings = {".h5", ".hdf5"};
  kind.likeness = [](const Content& file) {
    return is_hdf5(file.bytes) ? Likeness::mark : Likeness::none;
  };
  kind.array = [](const Content& file) {
    return parse_hdf5(file.bytes, file.name, file.array, file.owner);
  };
  kind.arrays = [](const Content& file) { return hdf5_names(file.bytes, file.name); };
  return kind;
}

const schema::Registered hdf5_format(formats(), hdf5_kind());

}  // namespace

}  // namespace convoy
