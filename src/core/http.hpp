#pragma once
// POST requests over libcurl that another thread can end at once.
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::http {

struct Options {
  bool tls = false;
  std::string ca, certificate, key;  ///< files (PEM); empty: the system's CAs, no certificate
  std::chrono::seconds silence{5};   ///< a connection over which nothing comes for so long is dead
};

struct Request {
  std::string url;
  std::string body;
  std::vector<std::string> headers;
  bool streams = false;  ///< nothing may come for long
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  /// Takes the body as it comes; false ends the request.
  std::function<bool(std::string_view)> sink;
};

struct Outcome {
  enum class Kind {
    answered,     ///< `status` is HTTP's
    ended,        ///< by the sink, the deadline or interrupt()
    unreachable,  ///< nobody there, or the connection broke; may be better later
    untrusted,    ///< one of both ends could not prove who it is
    wrong_files,  ///< our certificate, key or CA cannot be used
    not_http,
  };
  Kind kind = Kind::unreachable;
  long status = 0;
  std::string problem;        ///< for people
  std::string local_address;  ///< numeric, of our end; empty when not connected
};

/// Thread-safe; connections are kept for the next request.
class Client {
 public:
  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Outcome post(const Request& request);
  /// Ends all requests, those to come too.
  void interrupt();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy::http
