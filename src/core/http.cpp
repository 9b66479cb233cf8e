#include "core/http.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <list>
#include <mutex>
#include <new>
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
  std::array<char, CURL_ERROR_SIZE> details{};
  bool used = false;
};

struct Headers {
  explicit Headers(const Request& request) {
    // Without it a long body waits for a permission that not every server gives.
    if (request.body) add("Expect:");
    for (const std::string& line : request.headers) add(line.c_str());
  }
  ~Headers() { ::curl_slist_free_all(list); }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  void add(const char* line) {
    curl_slist* const longer = ::curl_slist_append(list, line);
    if (longer == nullptr) throw std::bad_alloc();
    list = longer;
  }
  curl_slist* list = nullptr;
};

// What libcurl's callbacks see. What they throw must not pass through libcurl.
struct Answer {
  CURL* easy;
  const Request& request;
  Head head;
  std::exception_ptr thrown = nullptr;
};

void take_field(Head& head, std::string_view line) {
  if (line.starts_with("HTTP/")) {  // of a redirect's target, or after "100 Continue"
    head = Head();
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
  head.fields.insert_or_assign(std::move(name), std::string(value));
}

template <class Work>
std::size_t guarded(Answer& answer, std::size_t size, const Work& work) {
  try {
    return work() ? size : 0;
  } catch (...) {
    answer.thrown = std::current_exception();
    return 0;
  }
}

std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* pointer) {
  auto& answer = *static_cast<Answer*>(pointer);
  return guarded(answer, size, [&] {
    take_field(answer.head, {bytes, size});
    return true;
  });
}

std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* pointer) {
  auto& answer = *static_cast<Answer*>(pointer);
  return guarded(answer, size, [&] {
    ::curl_easy_getinfo(answer.easy, CURLINFO_RESPONSE_CODE, &answer.head.status);
    return answer.request.sink(answer.head, {bytes, size});
  });
}

Outcome::Kind kind_of(CURLcode code, std::string_view details) {
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
    case CURLE_UNSUPPORTED_PROTOCOL:  // what curl calls an answer without a status line, too
    case CURLE_WEIRD_SERVER_REPLY:
      return Outcome::Kind::not_http;
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_LOGIN_DENIED:  // a user in the URL that a redirect leads to
      return Outcome::Kind::refused;
    default:
      break;
  }
  // The other end's word about our certificate.
  const bool refused = details.find("alert") != std::string_view::npos &&
                       details.find("certificate") != std::string_view::npos;
  return refused ? Outcome::Kind::untrusted : Outcome::Kind::unreachable;
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  ::curl_easy_setopt(easy, option, value);
}

void set_request(CURL* easy, const Request& request) {
  set(easy, CURLOPT_URL, request.url.c_str());
  if (request.body) {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDS, request.body->data());
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
  }
  set(easy, CURLOPT_USERAGENT, "convoy");
  set(easy, CURLOPT_PATH_AS_IS, 1L);  // an object's name may have ".." in it
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(easy, CURLOPT_FOLLOWLOCATION, request.redirects ? 1L : 0L);
  set(easy, CURLOPT_MAXREDIRS, 10L);
  set(easy, CURLOPT_NETRC,
      static_cast<long>(request.netrc ? CURL_NETRC_OPTIONAL : CURL_NETRC_IGNORED));
  // libcurl itself looks into ~/.netrc only.
  if (const char* netrc = std::getenv("NETRC"); netrc != nullptr && *netrc != '\0')
    set(easy, CURLOPT_NETRC_FILE, netrc);
}

void set_connection(CURL* easy, const Options& options, bool streams) {
  set(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
  // A connection has one request at a time: nothing newer would be faster.
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect.count()));
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_TCP_KEEPIDLE, 4L);
  set(easy, CURLOPT_TCP_KEEPINTVL, 2L);
  if (!streams) {
    set(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.silence.count()));
  }
  if (!options.proxies) set(easy, CURLOPT_PROXY, "");
  if (!options.ca.empty()) set(easy, CURLOPT_CAINFO, options.ca.c_str());
  if (!options.ca.empty()) set(easy, CURLOPT_CAPATH, nullptr);
  if (!options.certificate.empty()) set(easy, CURLOPT_SSLCERT, options.certificate.c_str());
  if (!options.key.empty()) set(easy, CURLOPT_SSLKEY, options.key.c_str());
}

}  // namespace

std::string Head::field(std::string_view name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

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

  void prepare(Transfer& transfer, Answer& answer, const Headers& headers) const {
    CURL* const easy = transfer.easy;
    ::curl_easy_reset(easy);  // its connection stays
    transfer.details.front() = '\0';
    set(easy, CURLOPT_ERRORBUFFER, transfer.details.data());
    set(easy, CURLOPT_HTTPHEADER, headers.list);
    set(easy, CURLOPT_HEADERFUNCTION, on_header);
    set(easy, CURLOPT_HEADERDATA, &answer);
    set(easy, CURLOPT_WRITEFUNCTION, on_body);
    set(easy, CURLOPT_WRITEDATA, &answer);
    set_request(easy, answer.request);
    set_connection(easy, options, answer.request.streams);
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

  static Outcome outcome_of(Transfer& transfer, std::optional<CURLcode> code, Head head) {
    Outcome outcome;
    outcome.kind = Outcome::Kind::ended;
    outcome.head = std::move(head);
    outcome.details = transfer.details.data();
    if (code) outcome.kind = kind_of(*code, outcome.details);
    if (code && *code != CURLE_OK) outcome.problem = ::curl_easy_strerror(*code);
    if (outcome.details.empty()) outcome.details = outcome.problem;
    ::curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &outcome.head.status);
    curl_off_t seconds = 0;
    if (::curl_easy_getinfo(transfer.easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK &&
        seconds > 0)
      outcome.retry_after = seconds;
    const char* address = nullptr;
    ::curl_easy_getinfo(transfer.easy, CURLINFO_LOCAL_IP, &address);
    if (address != nullptr) outcome.local_address = address;
    return outcome;
  }

  const Options options;
  std::mutex mutex;
  std::list<Transfer> transfers;
  std::atomic<bool> stop{false};
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

Outcome Client::send(const Request& request) {
  const Headers headers(request);
  Transfer& transfer = impl_->take();
  Answer answer{transfer.easy, request, {}};
  impl_->prepare(transfer, answer, headers);
  ::curl_multi_add_handle(transfer.multi, transfer.easy);
  const auto code = impl_->run(transfer, request.deadline);
  Outcome outcome = Impl::outcome_of(transfer, code, std::move(answer.head));
  ::curl_multi_remove_handle(transfer.multi, transfer.easy);
  impl_->give_back(transfer);
  if (answer.thrown != nullptr) std::rethrow_exception(answer.thrown);
  return outcome;
}

void Client::interrupt() {
  impl_->stop = true;
  const std::lock_guard lock(impl_->mutex);
  for (Transfer& transfer : impl_->transfers) ::curl_multi_wakeup(transfer.multi);
}

}  // namespace convoy::http
