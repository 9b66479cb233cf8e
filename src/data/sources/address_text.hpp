#pragma once
// The text of addresses: what is in them, and what of it may be shown. Nothing is opened here.
#include <string>
#include <string_view>

namespace convoy {

/// `scheme` in small letters; those of the text do not count.
bool begins_with_scheme(std::string_view text, std::string_view scheme);

/// SCHEME://HOST/PATH, for messages: without what may be secret, a user, a password and what
/// follows a '?', and without a checksum.
std::string without_secrets(std::string_view address);

/// Without "#sha256=HEX" at its end.
std::string without_checksum(std::string_view address);

/// Where something is downloaded from.
struct WebAddress {
  std::string url;        ///< without the fragment
  std::string shown;      ///< for messages
  std::string file_name;  ///< for the cache: letters, digits and "._-", a letter or digit first
  std::string sha256;     ///< of the content, lower case; empty: not known
};

/// Of "https://HOST[:PORT]/PATH[?QUERY][#sha256=HEX]", and http. Throws InputError for a user or
/// password in it, another fragment, control characters and blanks, no host. What the error says
/// has nothing secret in it.
WebAddress parse_web_address(const std::string& text);

/// "s3://BUCKET/KEY[#sha256=HEX]".
struct S3Address {
  std::string bucket;
  std::string key;
  std::string shown;
  std::string file_name;
  std::string sha256;
};
S3Address parse_s3_address(const std::string& text);

/// Throws InputError for a database's address with a password in it.
void check_database_address(const std::string& text);

}  // namespace convoy
