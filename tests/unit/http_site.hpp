#pragma once
// A web server of the test's own, in its process, that can be made to fail.
#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace convoy::test {

/// A file of the site, and what goes wrong with it.
struct SitePage {
  std::string content;
  std::string etag;
  std::string last_modified;
  int cut_times = 0;  ///< so many answers end after `cut_after` bytes
  std::size_t cut_after = 0;
  int fail_times = 0;  ///< so many answers have only `fail_status`
  int fail_status = 503;
  std::string retry_after;  ///< of those
  std::string location;     ///< not empty: a redirect
  std::string password;     ///< "user:password" in base64, without which it is 401
  bool stalls = false;      ///< nothing comes after the first bytes
  int milliseconds = 0;     ///< before it answers
};

class Site {
 public:
  /// Answers a request instead of the pages.
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  explicit Site(Handler handler = {}) : handler_(std::move(handler)) {
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      // Ranges are answered here, with If-Range.
      const_cast<httplib::Request&>(request).ranges.clear();
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      if (handler_)
        handler_(request, response);
      else
        answer(request, response);
    });
    server_.set_keep_alive_max_count(1);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~Site() { close(); }

  void close() {
    ending_ = true;
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  std::string host() const { return fmt::format("127.0.0.1:{}", port_); }
  std::string url(const std::string& path) const {
    return fmt::format("http://{}{}", host(), path);
  }

  void put(const std::string& path, SitePage page) {
    const std::lock_guard lock(mutex_);
    pages_[path] = std::move(page);
  }
  std::vector<httplib::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    std::unique_lock lock(mutex_);
    const auto found = pages_.find(request.path);
    if (found == pages_.end()) {
      response.status = 404;
      response.set_content("nothing here", "text/plain");
      return;
    }
    SitePage& page = found->second;
    const bool fails = page.fail_times-- > 0;
    const bool cut = !fails && page.cut_times-- > 0;
    const SitePage copy = page;
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(copy.milliseconds));
    if (fails) {
      response.status = copy.fail_status;
      if (!copy.retry_after.empty()) response.set_header("Retry-After", copy.retry_after);
      return;
    }
    if (!copy.location.empty()) {
      response.set_redirect(copy.location, 302);
      return;
    }
    if (!copy.password.empty() &&
        request.get_header_value("Authorization") != "Basic " + copy.password) {
      response.status = 401;
      return;
    }
    give(request, response, copy, cut);
  }

  void give(const httplib::Request& request, httplib::Response& response, const SitePage& page,
            bool cut) {
    if (!page.etag.empty()) response.set_header("ETag", page.etag);
    if (!page.last_modified.empty()) response.set_header("Last-Modified", page.last_modified);
    const bool same =
        (!page.etag.empty() && request.get_header_value("If-None-Match") == page.etag) ||
        (!page.last_modified.empty() &&
         request.get_header_value("If-Modified-Since") == page.last_modified);
    if (same) {
      response.status = 304;
      return;
    }
    std::size_t begin = 0;
    const std::string range = request.get_header_value("Range");
    const std::string condition = request.get_header_value("If-Range");
    if (!range.empty() && (condition == page.etag || condition == page.last_modified)) {
      begin = std::stoul(range.substr(6));
      if (begin >= page.content.size()) {
        response.status = 416;
        return;
      }
      response.status = 206;
      response.set_header(
          "Content-Range",
          fmt::format("bytes {}-{}/{}", begin, page.content.size() - 1, page.content.size()));
    }
    const std::string body = page.content.substr(begin);
    const std::size_t most = cut ? page.cut_after : body.size();
    const bool stalls = page.stalls;
    response.set_content_provider(
        body.size(), "text/plain",
        [this, body, most, stalls](std::size_t offset, std::size_t, httplib::DataSink& sink) {
          if (stalls && offset > 0) {
            while (!ending_ && sink.is_writable())
              std::this_thread::sleep_for(std::chrono::milliseconds(10));
            return false;
          }
          const std::size_t whole = std::min(body.size(), most);
          const std::size_t count = stalls ? 1 : whole - offset;
          if (offset >= whole) return false;
          return sink.write(body.data() + offset, count);
        });
  }

  Handler handler_;
  httplib::Server server_;
  mutable std::mutex mutex_;
  std::map<std::string, SitePage> pages_;
  std::vector<httplib::Request> requests_;
  std::atomic<bool> ending_ = false;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace convoy::test
