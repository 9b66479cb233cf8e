#pragma once
// One GET request over libcurl.
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;
  bool redirects = true;  ///< follow them, to http and https alone
  bool netrc = true;      ///< user and password from $NETRC or ~/.netrc, as curl reads it
  std::chrono::seconds connect{15};
  std::chrono::seconds stall{30};  ///< with nothing coming for so long the transfer has failed
};

struct HttpResponse {
  enum class Kind {
    answered,
    broken,   ///< nobody there, or the connection broke: may be better later
    refused,  ///< by libcurl: a certificate, a redirect, a URL
  };
  Kind kind = Kind::broken;
  long status = 0;
  std::string etag, last_modified, content_range;
  std::string region;             ///< x-amz-bucket-region
  std::int64_t retry_after = -1;  ///< seconds; -1: the server does not say
  std::string problem;            ///< where it was not answered, for people
  std::string error_text;         ///< the beginning of what came with a status of 400 and more
};

/// Takes the body of a 200 or 206 as it comes, with what is known from the head; the first call,
/// which is made whatever comes, has no bytes. What it throws ends the request and is thrown again.
using HttpSink = std::function<void(const HttpResponse& head, std::string_view bytes)>;

/// Thread-safe. Proxies are those of the environment, as curl reads it.
HttpResponse http_get(const HttpRequest& request, const HttpSink& sink);

}  // namespace convoy
