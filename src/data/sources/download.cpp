#include "data/sources/download.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>
#include <utility>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "core/http.hpp"
#include "data/sources/cache.hpp"
#include "data/sources/cache_entry.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using HttpKind = http::Outcome::Kind;

constexpr std::size_t longest_error_text = 4096;

bool is_content(long status) {
  return status == 200 || status == 206;
}

std::string status_text(long status) {
  constexpr std::pair<long, const char*> known[] = {{301, "Moved Permanently"},
                                                    {307, "Temporary Redirect"},
                                                    {400, "Bad Request"},
                                                    {401, "Unauthorized"},
                                                    {403, "Forbidden"},
                                                    {404, "Not Found"},
                                                    {408, "Request Timeout"},
                                                    {410, "Gone"},
                                                    {416, "Range Not Satisfiable"},
                                                    {429, "Too Many Requests"},
                                                    {500, "Internal Server Error"},
                                                    {502, "Bad Gateway"},
                                                    {503, "Service Unavailable"},
                                                    {504, "Gateway Timeout"}};
  for (const auto& [number, text] : known) {
    if (number == status) return fmt::format("{} {}", status, text);
  }
  return std::to_string(status);
}

/// What a store calls the error: `<Code>NoSuchKey</Code>`.
std::string error_code_of(std::string_view text) {
  const std::size_t open = text.find("<Code>");
  if (open == text.npos) return "";
  const std::string_view code = text.substr(open + 6, text.find('<', open + 6) - open - 6);
  const bool word = !code.empty() && code.size() <= 64 &&
                    std::all_of(code.begin(), code.end(),
                                [](unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; });
  return word ? fmt::format(" ({})", code) : "";
}

/// "bytes 100-199/200": where the content begins, and how long the whole file is, if it says so.
struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
};

std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  ContentRange range;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), range.first);
  if (error != std::errc() || end == text.data() + text.size() || *end != '-') return std::nullopt;
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  std::uint64_t total = 0;
  const auto whole = std::from_chars(text.data() + slash + 1, text.data() + text.size(), total);
  if (whole.ec == std::errc()) range.total = total;
  return range;
}

/// Asks a server until it has the file or fails.
class Fetcher {
 public:
  Fetcher(const Download& what, const DownloadPatience& patience, CacheEntry& entry)
      : what_(what),
        patience_(patience),
        entry_(entry),
        client_({.proxies = true, .connect = patience.connect, .silence = patience.stall}) {
    if (what.sha256.empty()) cached_ = entry.cached();
  }

  void run() {
    int fruitless = 0;
    for (int tries = 1;; ++tries) {
      came_ = false;
      const http::Outcome outcome = ask();
      if (settle(outcome)) return;
      fruitless = came_ ? 1 : fruitless + 1;
      const int most = cached_ ? patience_.cached_tries : patience_.tries;
      const std::int64_t later = outcome.retry_after;
      const bool too_late = later > patience_.longest_retry_after.count();
      if (fruitless >= most || tries >= patience_.all_tries || too_late) {
        fail(outcome, too_late);
        return;
      }
      const auto doubled = patience_.first_wait * (std::int64_t{1} << std::min(fruitless - 1, 20));
      const auto wait = std::min<milliseconds>(doubled, patience_.longest_wait);
      std::this_thread::sleep_for(later > 0 ? std::chrono::seconds(later) : wait);
    }
  }

 private:
  http::Outcome ask() {
    begun_ = false;
    error_text_.clear();
    http::Outcome outcome = client_.send(request());
    // An empty file has no bytes that could have come.
    if (outcome.kind == HttpKind::answered && is_content(outcome.head.status)) begin(outcome.head);
    return outcome;
  }

  http::Request request() {
    http::Request request;
    request.url = what_.url;
    request.redirects = request.netrc = !what_.store;
    request.sink = [this](const http::Head& head, std::string_view bytes) {
      take(head, bytes);
      return true;
    };
    if (what_.headers) request.headers = what_.headers();
    if (cached_ && !cached_->etag.empty())
      request.headers.push_back("If-None-Match: " + cached_->etag);
    else if (cached_ && !cached_->last_modified.empty())
      request.headers.push_back("If-Modified-Since: " + cached_->last_modified);
    const CacheEntry::Partial partial = entry_.partial();
    asked_from_ = partial.version.strong().empty() ? 0 : partial.bytes;
    if (asked_from_ > 0) {
      request.headers.push_back(fmt::format("Range: bytes={}-", asked_from_));
      request.headers.push_back("If-Range: " + partial.version.strong());
    }
    total_.reset();
    broken_range_ = false;
    return request;
  }

  void take(const http::Head& head, std::string_view bytes) {
    if (!is_content(head.status)) {
      error_text_ += bytes.substr(0, longest_error_text - error_text_.size());
      return;
    }
    begin(head);
    if (broken_range_) return;
    came_ = true;
    entry_.append(bytes);
  }

  /// Once for each answer with content.
  void begin(const http::Head& head) {
    if (std::exchange(begun_, true)) return;
    if (!std::exchange(logged_, true)) fmt::print(stderr, "fetching {} ...\n", what_.shown);
    if (head.status != 206) {
      entry_.begin_partial({head.field("etag"), head.field("last-modified")});
      return;
    }
    const auto range = parse_content_range(head.field("content-range"));
    if (range) total_ = range->total;
    broken_range_ = !range || asked_from_ == 0 || range->first != asked_from_;
  }

  /// Whether the file is there. False: try again. Throws where that is no use.
  bool settle(const http::Outcome& outcome) {
    if (outcome.kind == HttpKind::unreachable) return false;
    if (outcome.kind != HttpKind::answered)
      throw InputError(fmt::format("{}: cannot fetch: {}", what_.shown, outcome.problem));
    const long status = outcome.head.status;
    if (status == 200 || (status == 206 && !broken_range_)) return finish();
    if (status == 206 || status == 416) {  // another part than was asked for
      entry_.remove_partial();
      return false;
    }
    if (status == 304 && cached_) {
      entry_.remove_partial();
      return true;
    }
    if (status == 408 || status == 425 || status == 429 || status >= 500) return false;
    throw InputError(fmt::format("{}: the server answers {}{}{}", what_.shown, status_text(status),
                                 error_code_of(error_text_), advice(outcome.head)));
  }

  bool finish() {
    if (total_ && entry_.partial().bytes != *total_) return false;
    if (!what_.sha256.empty()) {
      const std::string actual = entry_.partial_sha256();
      if (actual != what_.sha256) {
        entry_.remove_partial();
        throw InputError(fmt::format("{}: its SHA-256 is {}, but {} says {}; nothing is kept",
                                     what_.shown, actual, what_.sha256_from, what_.sha256));
      }
    }
    entry_.install();
    return true;
  }

  std::string advice(const http::Head& head) const {
    const std::string region = head.field("x-amz-bucket-region");
    if (what_.store && !region.empty() && (head.status == 301 || head.status == 307))
      return fmt::format("; the bucket is in {}: set AWS_REGION to that", region);
    return what_.advice ? what_.advice(head.status) : "";
  }

  void fail(const http::Outcome& outcome, bool too_late) const {
    // Not libcurl's details: those may name what a redirect led to.
    std::string problem =
        outcome.kind != HttpKind::answered
            ? outcome.problem
            : fmt::format("the server answers {}{}", status_text(outcome.head.status),
                          error_code_of(error_text_));
    if (too_late) problem += fmt::format(", try again in {} s", outcome.retry_after);
    if (!cached_) throw InputError(fmt::format("{}: cannot fetch: {}", what_.shown, problem));
    fmt::print(stderr, "convoy: {}: {}; the copy in the cache is used\n", what_.shown, problem);
  }

  const Download& what_;
  const DownloadPatience& patience_;
  CacheEntry& entry_;
  http::Client client_;
  std::string error_text_;             // the beginning of what came in the place of content
  std::optional<HttpVersion> cached_;  // the copy there is, if the server may say that it is right
  std::uint64_t asked_from_ = 0;
  std::optional<std::uint64_t> total_;
  bool begun_ = false;
  bool broken_range_ = false;
  bool came_ = false;  // at least a byte, at the last try
  bool logged_ = false;
};

std::string text_sha256(const std::string& text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text.data(), text.size())));
  return hash.finish();
}

}  // namespace

fs::path download(const Download& what, const DownloadPatience& patience) {
  const fs::path cache = cache_directory();
  const std::string key = text_sha256(what.url).substr(0, 32);
  CacheEntry entry(cache / "http" / key, what.file_name);
  const auto is_right = [&] { return !what.sha256.empty() && entry.holds(what.sha256); };
  if (is_right()) return entry.file();
  require_writable_cache(cache / "locks");
  require_writable_cache(entry.folder());
  const CacheLock lock(cache / "locks" / ("http-" + key), what.shown);
  if (is_right()) return entry.file();
  const bool just_fetched = lock.waited() && what.sha256.empty() && entry.cached();
  lock.fetch_once([&] {
    if (!just_fetched) Fetcher(what, patience, entry).run();
  });
  return entry.file();
}

}  // namespace convoy
