#include "core/http.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <list>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace convoy::http {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void initialise_once() {
  static const CURLcode done = ::curl_global_init(CURL_GLOBAL_DEFAULT);
  if (done != CURLE_OK) throw std::bad_alloc();
}

// Programs that this one starts must not hold the connection open.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// What the sink throws must not pass through libcurl.
struct GuardedSink {
  const std::function<bool(std::string_view)>& sink;
  std::exception_ptr thrown = nullptr;
};

std::size_t give_to_sink(char* bytes, std::size_t, std::size_t size, void* guarded) {
  auto& guard = *static_cast<GuardedSink*>(guarded);
  try {
    return guard.sink({bytes, size}) ? size : 0;
  } catch (...) {
    guard.thrown = std::current_exception();
    return 0;
  }
}

// One connection, or a request over it.
struct Transfer {
  Transfer() : multi(::curl_multi_init()), easy(::curl_easy_init()) {
    if (multi == nullptr || easy == nullptr) throw std::bad_alloc();
  }
  ~Transfer() {
    ::curl_easy_cleanup(easy);
    ::curl_multi_cleanup(multi);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  CURLM* multi;
  CURL* easy;
  std::array<char, CURL_ERROR_SIZE> problem{};
  bool used = false;
};

struct Headers {
  explicit Headers(const std::vector<std::string>& lines) {
    // Without the last, a long body waits for a permission that etcd does not give.
    for (const char* line : {"Content-Type: application/json", "Expect:"}) add(line);
    for (const std::string& line : lines) add(line.c_str());
  }
  ~Headers() { ::curl_slist_free_all(list); }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  void add(const char* line) { list = ::curl_slist_append(list, line); }
  curl_slist* list = nullptr;
};

Outcome::Kind kind_of(CURLcode code, std::string_view problem) {
  switch (code) {
    case CURLE_OK:
      return Outcome::Kind::answered;
    case CURLE_WRITE_ERROR:
      return Outcome::Kind::ended;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return Outcome::Kind::untrusted;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
      return Outcome::Kind::wrong_files;
    case CURLE_UNSUPPORTED_PROTOCOL:  // what curl calls an answer without a status line
    case CURLE_WEIRD_SERVER_REPLY:
      return Outcome::Kind::not_http;
    default:
      break;
  }
  // The other end's word about our certificate.
  const bool refused = problem.find("alert") != std::string_view::npos &&
                       problem.find("certificate") != std::string_view::npos;
  return refused ? Outcome::Kind::untrusted : Outcome::Kind::unreachable;
}

}  // namespace

struct Client::Impl {
  explicit Impl(Options chosen) : options(std::move(chosen)) { initialise_once(); }

  Transfer& take() {
    const std::lock_guard lock(mutex);
    for (Transfer& transfer : transfers) {
      if (transfer.used) continue;
      transfer.used = true;
      return transfer;
    }
    transfers.emplace_back().used = true;
    return transfers.back();
  }

  void give_back(Transfer& transfer) {
    const std::lock_guard lock(mutex);
    transfer.used = false;
  }

  void prepare(Transfer& transfer, const Request& request, const Headers& headers,
               GuardedSink& sink) const {
    CURL* easy = transfer.easy;
    ::curl_easy_reset(easy);  // its connection stays
    const auto set = [&](CURLoption option, auto value) {
      ::curl_easy_setopt(easy, option, value);
    };
    set(CURLOPT_ERRORBUFFER, transfer.problem.data());
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_HTTPHEADER, headers.list);
    set(CURLOPT_WRITEFUNCTION, give_to_sink);
    set(CURLOPT_WRITEDATA, &sink);
    set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");  // what the environment says of proxies is not for this
    set(CURLOPT_PROTOCOLS_STR, options.tls ? "https" : "http");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.silence.count()));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, 4L);
    set(CURLOPT_TCP_KEEPINTVL, 2L);
    if (!request.streams) {
      set(CURLOPT_LOW_SPEED_LIMIT, 1L);
      set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.silence.count()));
    }
    if (!options.ca.empty()) set(CURLOPT_CAINFO, options.ca.c_str());
    if (!options.ca.empty()) set(CURLOPT_CAPATH, nullptr);
    if (!options.certificate.empty()) set(CURLOPT_SSLCERT, options.certificate.c_str());
    if (!options.key.empty()) set(CURLOPT_SSLKEY, options.key.c_str());
  }

  // Nothing when it was ended.
  std::optional<CURLcode> run(Transfer& transfer, Clock::time_point deadline) const {
    for (int running = 1;;) {
      ::curl_multi_perform(transfer.multi, &running);
      int left = 0;
      if (const CURLMsg* message = ::curl_multi_info_read(transfer.multi, &left))
        return message->data.result;
      const auto now = Clock::now();
      if (stop || now >= deadline) return std::nullopt;
      const auto wait = std::min<Clock::duration>(deadline - now, std::chrono::seconds(1));
      ::curl_multi_poll(transfer.multi, nullptr, 0,
                        static_cast<int>(std::chrono::ceil<milliseconds>(wait).count()), nullptr);
    }
  }

  const Options options;
  std::mutex mutex;
  std::list<Transfer> transfers;
  std::atomic<bool> stop{false};
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

Outcome Client::post(const Request& request) {
  Transfer& transfer = impl_->take();
  const Headers headers(request.headers);
  GuardedSink sink{request.sink};
  impl_->prepare(transfer, request, headers, sink);
  ::curl_multi_add_handle(transfer.multi, transfer.easy);
  const auto code = impl_->run(transfer, request.deadline);
  Outcome outcome{Outcome::Kind::ended, 0, transfer.problem.data(), ""};
  if (code) outcome.kind = kind_of(*code, outcome.problem);
  if (code && outcome.problem.empty()) outcome.problem = ::curl_easy_strerror(*code);
  ::curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &outcome.status);
  const char* address = nullptr;
  ::curl_easy_getinfo(transfer.easy, CURLINFO_LOCAL_IP, &address);
  if (address != nullptr) outcome.local_address = address;
  ::curl_multi_remove_handle(transfer.multi, transfer.easy);
  impl_->give_back(transfer);
  if (sink.thrown != nullptr) std::rethrow_exception(sink.thrown);
  return outcome;
}

void Client::interrupt() {
  impl_->stop = true;
  const std::lock_guard lock(impl_->mutex);
  for (Transfer& transfer : impl_->transfers) ::curl_multi_wakeup(transfer.multi);
}

}  // namespace convoy::http
