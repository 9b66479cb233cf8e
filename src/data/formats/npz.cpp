#include "data/formats/npz.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/archive.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

constexpr std::string_view npy_ending = ".npy";

}  // namespace

std::vector<std::string> npz_names(const ZipArchive& archive) {
  std::vector<std::string> names;
  for (const std::string& member : archive.names()) {
    if (member.ends_with(npy_ending))
      names.push_back(member.substr(0, member.size() - npy_ending.size()));
  }
  return names;
}

Array parse_npz(std::span<const std::byte> bytes, const std::string& name,
                const std::string& wanted) {
  const ZipArchive archive(bytes, name);
  const std::vector<std::string> names = npz_names(archive);
  if (names.empty()) {
    throw DataError(name,
                    "is a zip archive, but holds neither arrays (.npy) nor tensors (data.pkl); "
                    "unpack it and name the file inside");
  }
  // Whoever writes "x.npy" means "x", unless there is an "x.npy.npy".
  std::string array = wanted;
  if (array.ends_with(npy_ending) && archive.find(array + std::string(npy_ending)) == archive.none)
    array.resize(array.size() - npy_ending.size());
  const std::string& chosen = names[choose_array(names, array, name)];
  const auto buffer = own(archive.read(archive.find(chosen + std::string(npy_ending))));
  return parse_npy(*buffer, wanted.empty() ? name : fmt::format("{}#{}", name, chosen), buffer);
}

namespace {

FormatKind npz_kind() {
  FormatKind kind;
  kind.name = "npz";
  kind.doc = "an archive of NumPy's arrays";
  kind.title = "NPZ";
  kind.holds = Holds::array;
  kind.endings = {".npz"};
  kind.likeness = [](const Content& file) {
    if (!is_zip(file.bytes)) return Likeness::none;
    return npz_names(ZipArchive(file.bytes, file.name)).empty() ? Likeness::family : Likeness::mark;
  };
  kind.array = [](const Content& file) { return parse_npz(file.bytes, file.name, file.array); };
  kind.arrays = [](const Content& file) { return npz_names(ZipArchive(file.bytes, file.name)); };
  return kind;
}

const schema::Registered npz_format(formats(), npz_kind());

}  // namespace

}  // namespace convoy
