#pragma once
// HTTP requests over libcurl. Answers are taken as they come, and another thread can end them at
// once.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::http {

struct Options {
  std::string ca, certificate, key;  ///< files (PEM); empty: the system's CAs, no certificate
  bool proxies = false;              ///< those of the environment, as curl reads it
  std::chrono::seconds connect{5};
  std::chrono::seconds silence{5};  ///< a connection over which nothing comes for so long is dead
};

/// What an answer begins with.
struct Head {
  long status = 0;
  std::map<std::string, std::string, std::less<>> fields;  ///< names in small letters
  /// Empty where the answer has no such field.
  std::string field(std::string_view name) const;
};

struct Request {
  std::string url;                  ///< http:// or https://
  std::optional<std::string> body;  ///< is posted; without one this is a GET
  std::vector<std::string> headers;
  bool redirects = false;  ///< follow them, to http and https alone
  bool netrc = false;      ///< user and password from $NETRC or ~/.netrc, as curl reads it
  bool streams = false;    ///< nothing may come for long
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  /// Takes the body as it comes, whatever the status; false ends the request. What it throws ends
  /// the request too, and is thrown again.
  std::function<bool(const Head&, std::string_view)> sink;
};

struct Outcome {
  enum class Kind {
    answered,     ///< `head.status` is HTTP's
    ended,        ///< by the sink, the deadline or interrupt()
    unreachable,  ///< nobody there, or the connection broke; may be better later
    untrusted,    ///< one of both ends could not prove who it is
    wrong_files,  ///< our certificate, key or CA cannot be used
    not_http,     ///< what came, or what a redirect leads to
    refused,      ///< by libcurl: the URL, or too many redirects
  };
  Kind kind = Kind::unreachable;
  Head head;
  std::string problem;  ///< where it was not answered, in general
  /// The same with what is special about it, for people: also names what a redirect led to.
  std::string details;
  std::int64_t retry_after = -1;  ///< seconds; -1: the server does not say
  std::string local_address;      ///< numeric, of our end; empty when not connected
};

/// Thread-safe; connections are kept for the next request.
class Client {
 public:
  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Outcome send(const Request& request);
  /// Ends all requests, those to come too.
  void interrupt();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy::http
