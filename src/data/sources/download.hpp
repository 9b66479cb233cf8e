#pragma once
// Files from elsewhere, kept in the cache folder.
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace convoy {

/// What is to be downloaded.
struct Download {
  std::string url;
  std::string shown;                        ///< for messages
  std::string file_name;                    ///< in the cache; begins with a letter or digit
  std::string sha256;                       ///< lower-case hex; empty: not known
  std::string sha256_from = "the address";  ///< who says so, for messages
  bool store = false;                       ///< S3: no redirects and no .netrc
  /// Headers of a request, made anew for each; may be empty.
  std::function<std::vector<std::string>()> headers;
  /// What to do about a status, for the end of the message; may be empty.
  std::function<std::string(long status)> advice;
};

Download web_download(const std::string& address);  ///< https:// and http://
Download s3_download(const std::string& address);   ///< s3://

/// How long a server that does not answer, or answers 429 or 5xx, is tried.
struct DownloadPatience {
  int tries = 5;         ///< in a row of which none brought anything new
  int cached_tries = 2;  ///< where there is a copy to use instead
  int all_tries = 40;
  std::chrono::milliseconds first_wait{500};       ///< doubles from try to try ...
  std::chrono::milliseconds longest_wait{20'000};  ///< ... up to this
  std::chrono::seconds longest_retry_after{120};   ///< a server that asks for more counts as failed
  std::chrono::seconds connect{15};
  std::chrono::seconds stall{30};
};

/// The file in the cache. Downloads what is not there, going on where an earlier try ended if the
/// server still has the same file; asks the server whether the cached file is still the newest
/// (with a checksum, which says so, nobody is asked), and uses it, with a line on stderr, when the
/// server does not answer. Files are put into place whole. Safe to call from several threads and
/// processes at once: one downloads, the others wait for it and take what it got.
///
/// $CONVOY_CACHE/http/<first half of the address's SHA-256>/: the file, `.entry.json` about it, and
/// `.partial` with `.partial.json` of what has not come whole. Throws InputError when it cannot be
/// had or has another checksum, and IoError when the cache cannot be written.
std::filesystem::path download(const Download& what, const DownloadPatience& patience = {});

}  // namespace convoy
