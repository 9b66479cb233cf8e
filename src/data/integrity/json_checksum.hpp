#pragma once
// Checksums in JSON records: as text, and of the record that they are in. Pure; thread-safe.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace convoy {

/// 16 hexadecimal digits, and back; nothing where the text is something else.
std::string checksum_text(std::uint64_t checksum);
std::optional<std::uint64_t> checksum_from_text(const std::string& text);

/// XXH3 of a record as text without blanks; bytes that are no UTF-8 are replaced.
std::uint64_t json_checksum(const nlohmann::ordered_json& json);

/// Of all members but the checksum itself, in their order.
std::string own_checksum(nlohmann::ordered_json json);

}  // namespace convoy
