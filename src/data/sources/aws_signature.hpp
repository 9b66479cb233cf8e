#pragma once
// AWS Signature Version 4, for GET requests
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy {

struct AwsCredentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  ///< may be empty
};

/// A request to be signed. There are no parameters: an object's address has none.
struct AwsRequest {
  std::string path;  ///< encoded as it is sent, e.g. "/bucket/a%20key"
  /// Names in small letters, each once; among them "host".
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload_hash;  ///< hex SHA-256 of the body
  std::string region;
  std::string service;
};

/// SHA-256 of nothing.
inline constexpr const char* empty_payload_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// "20130524T000000Z".
std::string aws_date(std::time_t now);

/// The value of the Authorization header. `date` as aws_date makes it.
std::string aws_authorization(const AwsRequest& request, const AwsCredentials& credentials,
                              const std::string& date);

/// All bytes but letters, digits and "-._~/" as %XX.
std::string aws_encode_path(std::string_view text);

}  // namespace convoy
