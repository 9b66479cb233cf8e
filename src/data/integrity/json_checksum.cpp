#include "data/integrity/json_checksum.hpp"

#include <fmt/format.h>

#include <charconv>
#include <span>

#include "convoy/core/checksum.hpp"

namespace convoy {

using Json = nlohmann::ordered_json;

std::string checksum_text(std::uint64_t checksum) {
  return fmt::format("{:016x}", checksum);
}

std::optional<std::uint64_t> checksum_from_text(const std::string& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, 16);
  if (error != std::errc{} || stop != end || text.size() != 16) return std::nullopt;
  return value;
}

std::uint64_t json_checksum(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return xxh3(std::as_bytes(std::span(text.data(), text.size())));
}

std::string own_checksum(Json json) {
  json.erase("checksum");
  return checksum_text(json_checksum(json));
}

}  // namespace convoy
