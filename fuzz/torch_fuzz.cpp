// Any bytes are either a file of PyTorch whose tensor is as large as it says, or an InputError.
// What is no zip archive is put into one as its pickle, so that checksums do not keep it from being
// read.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/torch_file.hpp"

namespace {

void append_number(std::string& out, std::size_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 0xff);
}

/// A zip archive of stored members.
class ZipText {
 public:
  void add(const std::string& name, const std::string& content) {
    const auto* data = reinterpret_cast<const Bytef*>(content.data());
    const auto crc = ::crc32(0, data, static_cast<uInt>(content.size()));
    std::string fields;
    append_number(fields, 20, 2);  // version, flags, method, time, date
    append_number(fields, 0, 8);
    append_number(fields, crc, 4);
    append_number(fields, content.size(), 4);
    append_number(fields, content.size(), 4);
    append_number(fields, name.size(), 2);
    append_number(fields, 0, 2);
    directory_ += "PK\x01\x02";
    append_number(directory_, 20, 2);
    directory_ += fields;
    append_number(directory_, 0, 10);  // comment, disk, attributes
    append_number(directory_, members_.size(), 4);
    directory_ += name;
    members_ += "PK\x03\x04" + fields + name + content;
    ++count_;
  }
  std::string text() const {
    std::string out = members_ + directory_ + "PK\x05\x06";
    append_number(out, 0, 4);
    append_number(out, count_, 2);
    append_number(out, count_, 2);
    append_number(out, directory_.size(), 4);
    append_number(out, members_.size(), 4);
    append_number(out, 0, 2);
    return out;
  }

 private:
  std::string members_;
  std::string directory_;
  std::size_t count_ = 0;
};

void read(std::span<const std::byte> bytes, const std::string& array) {
  try {
    const convoy::Array read = convoy::parse_torch(bytes, "input", array);
    if (read.bytes.size() != *convoy::element_count(read.shape, read.type) * size_of(read.type))
      std::abort();
  } catch (const convoy::InputError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(input), size);
  if (!convoy::is_zip(std::as_bytes(std::span(input, size)))) {
    ZipText zip;
    zip.add("a/data.pkl", text);
    constexpr std::size_t elements = 48;
    zip.add("a/data/0", std::string(elements, 'x'));
    text = zip.text();
  }
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text.data(), text.size()));
  for (const char* array : {"", "x", "0"}) read(bytes, array);
  return 0;
}
