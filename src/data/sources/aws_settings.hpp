#pragma once
// What the environment and the user's files say about S3-compatible stores, by the names that AWS'
// own tools use.
#include <optional>
#include <string>
#include <string_view>

#include "data/sources/aws_signature.hpp"

namespace convoy {

struct AwsSettings {
  std::string endpoint;  ///< "https://HOST[:PORT][/PATH]", no '/' at its end
  std::string region;
  std::optional<AwsCredentials> credentials;  ///< nothing: requests are not signed
};

/// From $AWS_ENDPOINT_URL_S3 or $AWS_ENDPOINT_URL, $AWS_REGION or $AWS_DEFAULT_REGION (us-east-1),
/// $AWS_ACCESS_KEY_ID with $AWS_SECRET_ACCESS_KEY and $AWS_SESSION_TOKEN, else the profile
/// $AWS_PROFILE (default) of $AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials). Throws InputError
/// when what is there cannot be used; never says what a secret is.
AwsSettings aws_settings();

/// A profile of a credentials file; nothing when the file has no such profile. Throws InputError
/// naming `file` and the line of what cannot be understood, or what the profile lacks.
std::optional<AwsCredentials> parse_aws_credentials(std::string_view text, const std::string& file,
                                                    const std::string& profile);

}  // namespace convoy
