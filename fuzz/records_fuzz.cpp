// Any text is either an index of records that writes the same text again, or an InputError of one
// line. Any bytes are a shard of a part, or are refused in one line.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "convoy/core/error.hpp"
#include "data/records/layout.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Whether `action` goes well; what it refuses is refused in one line.
template <typename Action>
bool goes_well(const Action& action) {
  try {
    action();
    return true;
  } catch (const convoy::InputError& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos);
    return false;
  }
}

void check_part(const convoy::RecordPart& part, std::span<const std::byte> bytes) {
  std::int64_t samples = 0;
  for (std::size_t i = 0; i < part.shards.size(); ++i) {
    samples += part.shards[i].samples;
    require(part.shards[i].bytes ==
            convoy::record_header_bytes +
                static_cast<std::uint64_t>(part.shards[i].samples) * part.record_bytes);
    require(!goes_well([&] { check_record_shard(bytes, part, i, "shard"); }));
  }
  require(samples == part.samples && samples > 0);
  for (const convoy::RecordField& field : part.fields)
    require(field.bytes > 0 && field.offset + field.bytes <= part.record_bytes &&
            field.offset % convoy::size_of(field.type) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(input), size);
  const auto bytes = std::as_bytes(std::span(input, size));
  convoy::RecordIndex index;
  if (goes_well([&] { index = convoy::parse_record_index(text, "index"); })) {
    const std::string again = convoy::format_record_index(index);
    require(goes_well([&] { convoy::parse_record_index(again, "index"); }));
    for (const convoy::RecordPart& part : index.parts) check_part(part, bytes);
  }
  // A part whose one shard has the size of the input.
  convoy::RecordPart part;
  part.name = "train";
  part.fields.push_back({.name = "x", .type = convoy::ElementType::u8});
  convoy::lay_out(part);
  if (size <= convoy::record_header_bytes) return 0;
  part.samples = part.shard_samples = static_cast<std::int64_t>(size - convoy::record_header_bytes);
  part.shards.push_back({part.samples, size, 0});
  goes_well([&] { check_record_shard(bytes, part, 0, "shard"); });
  return 0;
}
