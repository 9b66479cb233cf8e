#include "comm/rendezvous/etcd_client.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

#include "core/http.hpp"

namespace convoy::etcd {
namespace {

using std::chrono::milliseconds;
using Clock = Client::Clock;
using Json = Client::Json;
using Kind = http::Outcome::Kind;

constexpr milliseconds first_pause{10};
constexpr milliseconds longest_pause{500};
// 64 MiB of values in base64, and what is around them.
constexpr std::size_t longest_answer = std::size_t{128} << 20;

// gRPC's, as far as they matter here.
enum Code { cancelled = 1, invalid = 3, late = 4, denied = 7, exhausted = 8, unavailable = 14 };
constexpr int unauthenticated = 16;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string file_variable(const char* name) {
  const std::string file = variable(name);
  if (!file.empty() && ::access(file.c_str(), R_OK) != 0)
    throw InputError(fmt::format("{}={}: cannot read the file", name, file));
  return file;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What etcd complains of.
struct Complaint {
  int code = 0;
  std::string text;
};

Complaint complaint_of(const std::string& body, long status) {
  const Json answer = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (answer.is_object()) {
    const Json& error =
        answer.contains("error") && answer["error"].is_object() ? answer["error"] : answer;
    for (const char* name : {"message", "error"}) {
      if (!error.contains(name) || !error[name].is_string()) continue;
      const auto code = error.find(error.contains("code") ? "code" : "grpc_code");
      const bool known = code != error.end() && code->is_number_integer();
      return {known ? code->get<int>() : 0, error[name].get<std::string>()};
    }
  }
  std::string line = body.substr(0, body.find('\n')).substr(0, 200);
  return {0, fmt::format("HTTP status {}: {}", status, line)};
}

// It may be better in a moment, here or at another endpoint.
bool passing(const Complaint& complaint, long status) {
  return complaint.code == unavailable || complaint.code == late || complaint.code == cancelled ||
         (complaint.code == exhausted && contains(complaint.text, "too many requests")) ||
         status == 502 || status == 503 || status == 504;
}

// The token that we had is of no more use.
bool token_is_old(const Complaint& complaint) {
  return complaint.code == unauthenticated || contains(complaint.text, "invalid auth token") ||
         contains(complaint.text, "revision of auth store is old");
}

bool refuses_us(const Complaint& complaint) {
  return complaint.code == denied || complaint.code == unauthenticated ||
         contains(complaint.text, "authentication") ||
         contains(complaint.text, "user name is empty");
}

}  // namespace

Options options_of(std::string_view endpoints, bool tls, milliseconds patience) {
  Options options;
  for (;;) {
    const auto comma = endpoints.find(',');
    options.endpoints.push_back(parse_endpoint(endpoints.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    endpoints.remove_prefix(comma + 1);
  }
  options.tls = tls;
  options.patience = patience;
  if (tls) {
    options.ca = file_variable("CONVOY_ETCD_CA");
    options.certificate = file_variable("CONVOY_ETCD_CERT");
    options.key = file_variable("CONVOY_ETCD_KEY");
    if (options.certificate.empty() != options.key.empty())
      throw InputError("CONVOY_ETCD_CERT and CONVOY_ETCD_KEY belong together; one is missing");
  }
  options.user = variable("CONVOY_ETCD_USER");
  options.password = variable("CONVOY_ETCD_PASSWORD");
  return options;
}

struct Client::Impl {
  explicit Impl(Options chosen)
      : options(std::move(chosen)),
        address(fmt::format("{}://", options.tls ? "etcds" : "etcd")),
        http({options.ca, options.certificate, options.key}) {
    std::string_view separator;
    for (const Endpoint& endpoint : options.endpoints) {
      address += fmt::format("{}{}", std::exchange(separator, ","), to_string(endpoint));
    }
  }

  std::string current_endpoint() const {
    return to_string(options.endpoints[at.load() % options.endpoints.size()]);
  }

  http::Request request_to(const std::string& endpoint, const std::string& path, const Json& body,
                           const std::string& with_token) const {
    http::Request request;
    request.url = fmt::format("{}://{}{}", options.tls ? "https" : "http", endpoint, path);
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    request.headers = {"Content-Type: application/json"};
    if (!with_token.empty()) request.headers.push_back("Authorization: " + with_token);
    return request;
  }

  // Throws what is final; nothing when it may be better later, and why in `problem`.
  std::optional<Json> attempt(const std::string& path, const Json& body, std::string& problem) {
    const std::string endpoint = current_endpoint();
    const auto with_token = token(endpoint, problem);
    if (!with_token) return std::nullopt;
    const auto [outcome, answer] = exchange(request_to(endpoint, path, body, *with_token));
    const Complaint complaint = judge(endpoint, outcome, answer);
    if (outcome.kind == Kind::answered && outcome.head.status == 200)
      return understood(endpoint, answer);
    problem = fmt::format("{}: {}", endpoint, complaint.text);
    if (!with_token->empty() && token_is_old(complaint)) {
      forget(*with_token);
      return std::nullopt;
    }
    if (outcome.kind == Kind::answered && !passing(complaint, outcome.head.status)) {
      if (refuses_us(complaint)) throw AuthenticationError(refusal(endpoint, complaint.text));
      throw Error(fmt::format("etcd at {}: {}", endpoint, complaint.text));
    }
    ++at;
    return std::nullopt;
  }

  std::pair<http::Outcome, std::string> exchange(http::Request request) {
    std::string answer;
    request.sink = [&](const http::Head&, std::string_view bytes) {
      if (answer.size() + bytes.size() > longest_answer)
        throw InputError("etcd: the answer is too long; are there more than 64 MiB of keys?");
      answer += bytes;
      return true;
    };
    http::Outcome outcome = http.send(request);
    if (!outcome.local_address.empty()) {
      const std::lock_guard lock(mutex);
      if (our_address.empty()) our_address = outcome.local_address;
    }
    return {std::move(outcome), std::move(answer)};
  }

  // What is wrong, empty when nothing is. Throws what no repetition changes.
  Complaint judge(const std::string& endpoint, const http::Outcome& outcome,
                  const std::string& answer) const {
    switch (outcome.kind) {
      case Kind::answered:
        if (outcome.head.status == 200) return {};
        return complaint_of(answer, outcome.head.status);
      case Kind::ended:
        require_running();
        return {0, "it was ended"};
      case Kind::unreachable:
        return {0, fmt::format("{}{}", outcome.details, hint_at(outcome.details))};
      case Kind::untrusted:
        throw AuthenticationError(fmt::format(
            "etcd at {} and we do not trust each other: {}; CONVOY_ETCD_CA names the CA "
            "of its certificate, CONVOY_ETCD_CERT and CONVOY_ETCD_KEY are ours",
            endpoint, outcome.details));
      case Kind::wrong_files:
        throw InputError(fmt::format("CONVOY_ETCD_CA, CONVOY_ETCD_CERT or CONVOY_ETCD_KEY: {}",
                                     outcome.details));
      case Kind::refused:
        throw InputError(fmt::format("etcd at {}: {}", endpoint, outcome.details));
      case Kind::not_http:
        break;
    }
    throw AuthenticationError(fmt::format(
        "{} is no etcd; is it another service's port, or does it want TLS (etcds://)?", endpoint));
  }

  // What etcd does when it is spoken to without TLS, or refuses our certificate, is to hang up;
  // only sometimes does its reason reach us.
  std::string_view hint_at(std::string_view problem) const {
    if (!options.tls && contains(problem, "Empty reply")) return "; does it want TLS (etcds://)?";
    if (options.tls && !contains(problem, "connect to"))
      return "; does it want another certificate (CONVOY_ETCD_CERT)?";
    return "";
  }

  static Json understood(const std::string& endpoint, const std::string& answer) {
    Json json = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object())
      throw Error(fmt::format("{} answers, but not as etcd does: {}", endpoint,
                              answer.substr(0, answer.find('\n')).substr(0, 100)));
    return json;
  }

  static std::string refusal(const std::string& endpoint, const std::string& text) {
    return fmt::format(
        "etcd at {} refused us: {}; CONVOY_ETCD_USER and CONVOY_ETCD_PASSWORD say who we are",
        endpoint, text);
  }

  // Empty when etcd asks for none; nothing when it could not be had now.
  std::optional<std::string> token(const std::string& endpoint, std::string& problem) {
    if (options.user.empty()) return "";
    {
      const std::lock_guard lock(mutex);
      if (!known_token.empty()) return known_token;
    }
    const Json who = {{"name", options.user}, {"password", options.password}};
    const auto [outcome, answer] = exchange(request_to(endpoint, "/v3/auth/authenticate", who, ""));
    const Complaint complaint = judge(endpoint, outcome, answer);
    if (outcome.kind == Kind::answered && outcome.head.status == 200) {
      const Json json = understood(endpoint, answer);
      const std::lock_guard lock(mutex);
      return known_token = json.value("token", "");
    }
    problem = fmt::format("{}: {}", endpoint, complaint.text);
    // Where nobody is asked for a name, ours is not needed.
    if (contains(complaint.text, "authentication is not enabled")) return "";
    if (outcome.kind == Kind::answered && !passing(complaint, outcome.head.status))
      throw AuthenticationError(refusal(endpoint, complaint.text));
    ++at;
    return std::nullopt;
  }

  void forget(const std::string& old) {
    const std::lock_guard lock(mutex);
    if (known_token == old) known_token.clear();
  }

  void require_running() const {
    if (stop) throw PeerError(-1, fmt::format("{}: interrupted", address));
  }

  bool pause(milliseconds time) {
    std::unique_lock lock(mutex);
    return !stopped.wait_for(lock, time, [&] { return stop.load(); });
  }

  const Options options;
  std::string address;
  http::Client http;
  std::atomic<std::size_t> at{0};  // the endpoint that served last, modulo their number
  std::atomic<bool> stop{false};
  mutable std::mutex mutex;
  std::condition_variable stopped;
  std::string known_token;
  std::string our_address;
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

Client::Json Client::call(const std::string& path, const Json& request,
                          std::optional<Clock::time_point> deadline) {
  std::optional<Clock::time_point> since;
  milliseconds pause = first_pause;
  for (std::size_t attempts = 1;; ++attempts) {
    impl_->require_running();
    const auto begin = Clock::now();
    std::string problem;
    if (auto answer = impl_->attempt(path, request, problem)) return std::move(*answer);
    if (!since) since = begin;
    if (deadline && Clock::now() >= *deadline) throw LateError(-1, address() + ": " + problem);
    if (Clock::now() + pause >= *since + impl_->options.patience)
      throw PeerError(
          -1, fmt::format("no etcd at {} for {:.3g} s: {}", address(),
                          std::chrono::duration<double>(impl_->options.patience).count(), problem));
    if (attempts % impl_->options.endpoints.size() != 0) continue;  // another may be there
    impl_->pause(pause);
    pause = std::min(2 * pause, longest_pause);
  }
}

bool Client::stream(const std::string& path, const Json& request, Clock::time_point deadline,
                    const std::function<bool(const Json&)>& accept) {
  impl_->require_running();
  const std::string endpoint = impl_->current_endpoint();
  std::string problem;
  const auto token = impl_->token(endpoint, problem);
  if (!token) return false;
  http::Request post = impl_->request_to(endpoint, path, request, *token);
  post.streams = true;
  post.deadline = deadline;
  std::string pending;  // a message is a line
  bool accepted = false;
  post.sink = [&](const http::Head&, std::string_view bytes) {
    pending += bytes;
    for (std::size_t end; !accepted && (end = pending.find('\n')) != std::string::npos;) {
      const Json message = Json::parse(std::string_view(pending).substr(0, end), nullptr,
                                       /*allow_exceptions=*/false);
      pending.erase(0, end + 1);
      if (message.is_object()) accepted = accept(message);
    }
    return !accepted && pending.size() < longest_answer;
  };
  impl_->http.send(post);
  impl_->require_running();
  return accepted;
}

bool Client::pause(milliseconds time) {
  return impl_->pause(time);
}

std::string Client::local_address() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->our_address;
}

const std::string& Client::address() const {
  return impl_->address;
}

void Client::interrupt() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
    impl_->stopped.notify_all();
  }
  impl_->http.interrupt();
}

}  // namespace convoy::etcd
