#pragma once
// Where data comes from, but for files of this machine. One file adds one, in Convoy, in a program
// or in a plugin:
//
//   SourceKind vault_kind() {
//     SourceKind kind;
//     kind.name = "vault";
//     kind.doc = "a file of the company's vault";
//     kind.schemes = {"vault:"};
//     kind.address = "vault:NAME";
//     kind.files = [] {
//       return [](const std::string& address) { return take_out(address); };
//     };
//     return kind;
//   }
//   const schema::Registered vault(sources(), vault_kind());
//
// Any path of a job may then be such an address.
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

enum class Gives {
  files,    ///< of this machine, downloaded say
  rows,     ///< of a query (`query` beside the address): a table
  package,  ///< a folder of files, for data.fetch
};

/// A value of a row. Numbers are spelled so that they are read back as they are.
struct QueryValue {
  std::string_view text;
  bool is_text = false;  ///< by its type: even "12" is no number
  bool missing = false;  ///< NULL
};

/// An open database and a query that was found to be one. Used by one thread.
class QueryRows {
 public:
  virtual ~QueryRows() = default;
  /// The address, for messages.
  virtual const std::string& name() const = 0;
  virtual const std::vector<std::string>& columns() const = 0;
  /// Calls `row` for each row, from the first, whenever it is called; values are valid meanwhile.
  /// Throws DataError.
  virtual void read(const std::function<void(std::span<const QueryValue>)>& row) = 0;
};

struct QueryRequest {
  std::string address;
  std::string query;  ///< empty: InputError, which lists what there is
  /// Turns a path of the job into one of the system.
  std::function<std::filesystem::path(const std::string&)> file;
  bool quiet = false;  ///< print no warning: another worker does
};

struct PackageRequest {
  std::string source;          ///< as the job has it, for messages
  std::string spec;            ///< what follows the scheme
  std::filesystem::path work;  ///< a folder for what is needed meanwhile
  std::filesystem::path into;  ///< an empty one, for the package's files
};

/// From an address to a file of this machine. Throws InputError and IoError.
using GetFile = std::function<std::filesystem::path(const std::string& address)>;

/// What errors say of an address may have nothing secret in it.
struct SourceKind : schema::Registration {
  /// What its addresses begin with, in small letters: "s3://". One without a ':' is all of it: "-".
  std::vector<std::string> schemes;
  std::string address;  ///< how one is written: "s3://BUCKET/KEY"
  Gives gives = Gives::files;

  /// The address for messages, without what may be secret; null: as it is.
  std::function<std::string(std::string_view)> shown = nullptr;
  /// The path whose ending tells the format; null: the address.
  std::function<std::string(std::string_view)> named_file = nullptr;
  /// Throws InputError when an address can be none. Opens nothing.
  std::function<void(const std::string&)> check = nullptr;

  /// Files. Called once for each reading of a job's data; what it returns lives as long as its
  /// files are needed.
  std::function<GetFile()> files = nullptr;
  bool once = false;  ///< can be read only once, and by one process

  std::function<std::unique_ptr<QueryRows>(const QueryRequest&)> rows = nullptr;

  /// Packages: whether what follows the scheme can be one. It becomes the name of a folder in the
  /// cache ('/' as '+'), and may reach a command line.
  std::function<bool(std::string_view spec)> is_package = nullptr;
  /// Downloads and unpacks it. Returns what was taken, with its digest if known. Throws InputError
  /// "cannot fetch SOURCE: ...", and IoError.
  std::function<std::string(const PackageRequest&)> unpack = nullptr;
};

schema::Registry<SourceKind>& sources();

/// How the addresses of all such sources are written: "s3://BUCKET/KEY".
std::vector<std::string> source_addresses(Gives gives);

}  // namespace convoy

#pragma GCC visibility pop
