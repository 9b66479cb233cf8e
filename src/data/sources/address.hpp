#pragma once
// What a path of a job is: a file, or an address of somewhere else. Nothing is opened here.
#include <string>
#include <string_view>

#include "convoy/data/options.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

enum class SourceKind { file, web, s3, standard_input, sqlite, postgresql };

/// By how it begins: "http://", "https://", "s3://", "sqlite:", "postgresql://" (or "postgres://");
/// "-" is the standard input.
SourceKind source_kind(std::string_view path);

/// Whether its rows come from a query.
bool is_database(std::string_view path);

/// The address for messages: without what may be secret, a user, a password and what follows a '?',
/// and without a checksum. Paths of files as they are.
std::string shown_address(std::string_view path);

/// The path whose name's ending tells the format: without checksum and what follows a '?'.
std::string named_file(std::string_view path);

/// Where something is downloaded from.
struct WebAddress {
  std::string url;        ///< without the fragment
  std::string shown;      ///< for messages
  std::string file_name;  ///< for the cache: letters, digits and "._-", a letter or digit first
  std::string sha256;     ///< of the content, lower case; empty: not known
};

/// Of "https://HOST[:PORT]/PATH[?QUERY][#sha256=HEX]", and http. Throws InputError for a user or
/// password in it, another fragment, control characters and blanks, no host. What the error says
/// has nothing secret in it.
WebAddress parse_web_address(const std::string& text);

/// "s3://BUCKET/KEY[#sha256=HEX]".
struct S3Address {
  std::string bucket;
  std::string key;
  std::string shown;
  std::string file_name;
  std::string sha256;
};
S3Address parse_s3_address(const std::string& text);

/// Throws InputError when the address can be none of its kind, for any path of a job.
void check_address(const std::string& path);

/// How many of the job's files are the standard input, which can be read once.
int standard_inputs(const DataOptions& data);

/// For a job of several workers, of which only one could read it: throws InputError.
[[noreturn]] void refuse_standard_input();

}  // namespace convoy

#pragma GCC visibility pop
