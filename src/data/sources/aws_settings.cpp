#include "data/sources/aws_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "data/sources/address_text.hpp"

namespace convoy {
namespace {

std::string environment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

std::string_view without_blanks(std::string_view text) {
  constexpr const char* blanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// What goes into a header must not end it.
void require_header_value(const std::string& value, const char* what) {
  const bool bad = std::any_of(value.begin(), value.end(),
                               [](unsigned char c) { return c <= ' ' || c >= 0x7f; });
  if (bad)
    throw InputError(fmt::format("{} has a blank or another character that cannot be", what));
}

std::optional<AwsCredentials> credentials_of_environment() {
  AwsCredentials found{environment({"AWS_ACCESS_KEY_ID"}), environment({"AWS_SECRET_ACCESS_KEY"}),
                       environment({"AWS_SESSION_TOKEN"})};
  if (found.access_key.empty() && found.secret_key.empty()) return std::nullopt;
  if (found.access_key.empty() || found.secret_key.empty()) {
    throw InputError(
        fmt::format("{} is set, but {} is not; both are needed",
                    found.access_key.empty() ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                    found.access_key.empty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"));
  }
  return found;
}

std::optional<AwsCredentials> credentials_of_file() {
  const std::string named = environment({"AWS_SHARED_CREDENTIALS_FILE"});
  const std::string home = environment({"HOME"});
  const std::string chosen = environment({"AWS_PROFILE"});
  const std::string file = !named.empty() ? named : home.empty() ? "" : home + "/.aws/credentials";
  const std::string profile = chosen.empty() ? "default" : chosen;
  std::error_code unknown;
  const bool there = !file.empty() && std::filesystem::exists(file, unknown);
  std::optional<AwsCredentials> found;
  if (there || !named.empty()) found = parse_aws_credentials(read_text_file(file), file, profile);
  if (!found && !chosen.empty()) {
    throw InputError(fmt::format("AWS_PROFILE: {} has no profile [{}]",
                                 file.empty() ? "~/.aws/credentials" : file, profile));
  }
  return found;
}

std::string checked_endpoint(std::string endpoint) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const bool plain = endpoint.find_first_of("?#") == endpoint.npos;
  const bool web =
      begins_with_scheme(endpoint, "http://") || begins_with_scheme(endpoint, "https://");
  if (!web || !plain) {
    throw InputError(
        fmt::format("AWS_ENDPOINT_URL_S3: {} is no address of a store; write https://HOST[:PORT]",
                    web ? without_secrets(endpoint) : endpoint));
  }
  parse_web_address(endpoint);
  return endpoint;
}

}  // namespace

std::optional<AwsCredentials> parse_aws_credentials(std::string_view text, const std::string& file,
                                                    const std::string& profile) {
  AwsCredentials found;
  bool inside = false;
  bool there = false;
  std::size_t line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = without_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    if (content.empty() || content[0] == '#' || content[0] == ';') continue;
    if (content[0] == '[') {
      if (!content.ends_with(']'))
        throw InputError(fmt::format("{}:{}: a '[' without its ']'", file, line));
      inside = without_blanks(content.substr(1, content.size() - 2)) == profile;
      there = there || inside;
      continue;
    }
    if (!inside) continue;
    const std::size_t equals = content.find('=');
    if (equals == content.npos)
      throw InputError(fmt::format("{}:{}: neither [PROFILE] nor NAME = VALUE", file, line));
    const std::string_view name = without_blanks(content.substr(0, equals));
    const std::string value(without_blanks(content.substr(equals + 1)));
    if (name == "aws_access_key_id") found.access_key = value;
    if (name == "aws_secret_access_key") found.secret_key = value;
    if (name == "aws_session_token") found.session_token = value;
  }
  if (!there) return std::nullopt;
  if (found.access_key.empty() || found.secret_key.empty()) {
    throw InputError(
        fmt::format("{}: the profile [{}] has no {}", file, profile,
                    found.access_key.empty() ? "aws_access_key_id" : "aws_secret_access_key"));
  }
  return found;
}

AwsSettings aws_settings() {
  AwsSettings settings;
  settings.region = environment({"AWS_REGION", "AWS_DEFAULT_REGION"});
  if (settings.region.empty()) settings.region = "us-east-1";
  require_header_value(settings.region, "AWS_REGION");
  const std::string endpoint = environment({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  settings.endpoint = endpoint.empty() ? fmt::format("https://s3.{}.amazonaws.com", settings.region)
                                       : checked_endpoint(endpoint);
  settings.credentials = credentials_of_environment();
  if (!settings.credentials) settings.credentials = credentials_of_file();
  if (settings.credentials) {
    require_header_value(settings.credentials->access_key, "the AWS access key");
    require_header_value(settings.credentials->session_token, "the AWS session token");
  }
  return settings;
}

}  // namespace convoy
