#include "data/sources/aws_signature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "convoy/core/checksum.hpp"
#include "core/hmac.hpp"

namespace convoy {
namespace {

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text.data(), text.size())));
  return hash.finish();
}

/// Without blanks around it, and with one for several.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

std::string aws_date(std::time_t now) {
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text;
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return {text.data(), size};
}

std::string aws_encode_path(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    const bool ascii_alnum = c < 0x80 && std::isalnum(c) != 0;
    if (ascii_alnum ||
        std::string_view("-._~/").find(static_cast<char>(c)) != std::string_view::npos)
      out += static_cast<char>(c);
    else
      out += fmt::format("%{:02X}", c);
  }
  return out;
}

std::string aws_authorization(const AwsRequest& request, const AwsCredentials& credentials,
                              const std::string& date) {
  auto headers = request.headers;
  std::sort(headers.begin(), headers.end());
  std::string lines;
  std::string names;
  for (const auto& [name, value] : headers) {
    lines += fmt::format("{}:{}\n", name, trimmed(value));
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical =
      fmt::format("GET\n{}\n\n{}\n{}\n{}", request.path, lines, names, request.payload_hash);
  const std::string day = date.substr(0, 8);
  const std::string scope =
      fmt::format("{}/{}/{}/aws4_request", day, request.region, request.service);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, scope, sha256_hex(canonical));
  std::string key = hmac("AWS4" + credentials.secret_key, {day});
  for (const std::string_view part :
       {std::string_view(request.region), std::string_view(request.service),
        std::string_view("aws4_request")}) {
    key = hmac(key, {part});
  }
  std::string signature;
  for (const unsigned char c : hmac(key, {to_sign})) signature += fmt::format("{:02x}", c);
  return fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
                     credentials.access_key, scope, names, signature);
}

}  // namespace convoy
