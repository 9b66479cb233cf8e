// Declared in data/sources/download.hpp.
// Objects of S3-compatible stores as downloads.
#include <fmt/format.h>

#include <ctime>

#include "convoy/data/sources/source.hpp"
#include "data/sources/address_text.hpp"
#include "data/sources/aws_settings.hpp"
#include "data/sources/download.hpp"

namespace convoy {
namespace {

/// What a request of an object is sent and signed with.
std::vector<std::string> signed_headers(const AwsSettings& settings, const std::string& host,
                                        const std::string& path) {
  const std::string date = aws_date(std::time(nullptr));
  AwsRequest request;
  request.path = path;
  request.payload_hash = empty_payload_hash;
  request.region = settings.region;
  request.service = "s3";
  request.headers = {
      {"host", host}, {"x-amz-content-sha256", empty_payload_hash}, {"x-amz-date", date}};
  if (!settings.credentials->session_token.empty())
    request.headers.emplace_back("x-amz-security-token", settings.credentials->session_token);
  std::vector<std::string> lines;
  for (const auto& [name, value] : request.headers) lines.push_back(name + ": " + value);
  lines.push_back("Authorization: " + aws_authorization(request, *settings.credentials, date));
  return lines;
}

}  // namespace

Download s3_download(const std::string& text) {
  S3Address address = parse_s3_address(text);
  const AwsSettings settings = aws_settings();
  const std::string& endpoint = settings.endpoint;
  const std::size_t host_begin = endpoint.find("://") + 3;
  const std::size_t host_end = std::min(endpoint.find('/', host_begin), endpoint.size());
  const std::string host = endpoint.substr(host_begin, host_end - host_begin);
  const std::string path = fmt::format("{}/{}/{}", endpoint.substr(host_end), address.bucket,
                                       aws_encode_path(address.key));
  Download what;
  what.url = endpoint.substr(0, host_end) + path;
  what.shown = std::move(address.shown);
  what.file_name = std::move(address.file_name);
  what.sha256 = std::move(address.sha256);
  what.store = true;
  if (settings.credentials) what.headers = [=] { return signed_headers(settings, host, path); };
  const bool is_signed = settings.credentials.has_value();
  what.advice = [is_signed](long status) {
    return status != 403 ? ""
           : is_signed
               ? "; it was asked for with the credentials of $AWS_ACCESS_KEY_ID or of the "
                 "credentials file"
               : "; there are no credentials, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  };
  return what;
}

namespace {

SourceKind s3_kind() {
  SourceKind kind;
  kind.name = "s3";
  kind.doc =
      "an object of an S3-compatible store, downloaded into the cache; `#sha256=HEX` at its end is "
      "checked";
  kind.schemes = {"s3://"};
  kind.address = "s3://BUCKET/KEY";
  kind.shown = without_checksum;
  kind.named_file = without_checksum;
  kind.check = [](const std::string& address) { parse_s3_address(address); };
  kind.files = [] {
    return [](const std::string& address) { return download(s3_download(address)); };
  };
  return kind;
}

const schema::Registered s3_source(sources(), s3_kind());

}  // namespace

}  // namespace convoy
