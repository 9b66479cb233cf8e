#pragma once
// Base64 with padding (RFC 4648, section 4).
#include <optional>
#include <string>
#include <string_view>

namespace convoy {

std::string encode_base64(std::string_view bytes);
/// Nothing when the text is none.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace convoy
