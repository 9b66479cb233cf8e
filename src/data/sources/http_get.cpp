#include "data/sources/http_get.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>

namespace convoy {
namespace {

constexpr std::size_t longest_error_text = 4096;

void start_curl() {
  static const CURLcode done = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  if (done != CURLE_OK) throw std::bad_alloc();
}

struct CurlDeleter {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter>;

CurlList header_list(const std::vector<std::string>& lines) {
  CurlList list;
  for (const std::string& line : lines) {
    curl_slist* longer = ::curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list.release();
    list.reset(longer);
  }
  return list;
}

/// What libcurl's callbacks see.
struct HttpExchange {
  CURL* easy;
  const HttpSink& sink;
  HttpResponse response;
  bool begun = false;
  std::exception_ptr thrown;

  void begin() {
    if (begun) return;
    begun = true;
    sink(response, {});
  }
};

bool is_content(long status) {
  return status == 200 || status == 206;
}

void take_header(HttpResponse& response, std::string_view line) {
  if (line.starts_with("HTTP/")) {  // of a redirect's target, or after "100 Continue"
    response = HttpResponse();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view value = line.substr(colon + 1);
  const std::size_t first = value.find_first_not_of(" \t\r\n");
  value = first == value.npos ? std::string_view()
                              : value.substr(first, value.find_last_not_of(" \t\r\n") - first + 1);
  if (name == "etag") response.etag = value;
  if (name == "last-modified") response.last_modified = value;
  if (name == "content-range") response.content_range = value;
  if (name == "x-amz-bucket-region") response.region = value;
}

std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* exchange) {
  try {
    take_header(static_cast<HttpExchange*>(exchange)->response, {bytes, size});
    return size;
  } catch (...) {
    static_cast<HttpExchange*>(exchange)->thrown = std::current_exception();
    return 0;
  }
}

std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* pointer) {
  auto& exchange = *static_cast<HttpExchange*>(pointer);
  try {
    HttpResponse& response = exchange.response;
    ::curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &response.status);
    if (is_content(response.status)) {
      exchange.begin();
      exchange.sink(response, {bytes, size});
    } else {
      const std::size_t room = longest_error_text - response.error_text.size();
      response.error_text.append(bytes, std::min(size, room));
    }
    return size;
  } catch (...) {  // must not pass through libcurl
    exchange.thrown = std::current_exception();
    return 0;
  }
}

HttpResponse::Kind kind_of_end(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpResponse::Kind::answered;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_LOGIN_DENIED:
      return HttpResponse::Kind::refused;
    default:
      return HttpResponse::Kind::broken;
  }
}

void set_options(CURL* easy, const HttpRequest& request, HttpExchange& exchange,
                 curl_slist* headers) {
  const auto set = [&](CURLoption option, auto value) { ::curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &exchange);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &exchange);
  set(CURLOPT_BUFFERSIZE, 256L * 1024);
  set(CURLOPT_USERAGENT, "convoy");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PATH_AS_IS, 1L);  // an object's name may have ".." in it
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_FOLLOWLOCATION, request.redirects ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_NETRC, static_cast<long>(request.netrc ? CURL_NETRC_OPTIONAL : CURL_NETRC_IGNORED));
  // libcurl itself looks into ~/.netrc only.
  if (const char* netrc = std::getenv("NETRC"); netrc != nullptr && *netrc != '\0')
    set(CURLOPT_NETRC_FILE, netrc);
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall.count()));
}

}  // namespace

HttpResponse http_get(const HttpRequest& request, const HttpSink& sink) {
  start_curl();
  const CurlHandle easy(::curl_easy_init());
  if (!easy) throw std::bad_alloc();
  const CurlList headers = header_list(request.headers);
  HttpExchange exchange{easy.get(), sink, {}, false, nullptr};
  set_options(easy.get(), request, exchange, headers.get());
  const CURLcode code = ::curl_easy_perform(easy.get());
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  HttpResponse response = exchange.response;
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &response.status);
  curl_off_t seconds = 0;
  if (::curl_easy_getinfo(easy.get(), CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
    response.retry_after = seconds;
  response.kind = kind_of_end(code);
  // The text of an error, not libcurl's buffer of details: those may name what a redirect led to.
  if (code != CURLE_OK) response.problem = ::curl_easy_strerror(code);
  if (code == CURLE_OK && is_content(response.status) && !exchange.begun) sink(response, {});
  return response;
}

}  // namespace convoy
