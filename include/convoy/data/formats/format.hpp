#pragma once
// Formats of files. One file adds one, in Convoy, in a program or in a plugin:
//
//   class LogReader final : public TableReader { ... };
//
//   FormatKind log_kind() {
//     FormatKind kind;
//     kind.name = "weblog";
//     kind.doc = "the log of a web server";
//     kind.title = "a web log";
//     kind.endings = {".weblog"};
//     kind.table = [](const Content& file) { return std::make_unique<LogReader>(file); };
//     return kind;
//   }
//   const schema::Registered web_log(formats(), log_kind());
//
// `data.format`, its help, what `auto` finds, messages and `convoy data inspect` come from it. What
// is read is anybody's: check each size against what is there before memory is taken, and throw
// DataError naming line or byte.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/formats/formats.hpp"
#include "convoy/lanes/lane.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// A file's bytes: mapped, or unpacked into memory when the file is compressed with gzip or zstd
/// (by content, not by name).
struct Content {
  std::string name;  ///< for messages
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::string array = {};  ///< which array of an archive is meant; empty: the only one
  bool mapped = true;      ///< `bytes` are the file's own
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

/// What a file is taken for. A format that is surer goes first; of several that are as sure, the
/// first by name. The ending of a file's name stands between `text` and `family`.
enum class Likeness {
  none,
  rest,    ///< any text could be one
  text,    ///< its text begins as such a file does
  family,  ///< what holds it is such a thing, a zip archive say
  mark,    ///< its bytes begin with the format's mark
  whole,   ///< everything in it fits
};

enum class Holds {
  table,    ///< columns with names; data.target says which are the target
  array,    ///< features or labels
  samples,  ///< features and target, without names
  folder,   ///< the path is a folder's
};

/// A table in a file, of which the reader keeps what it needs.
class TableReader {
 public:
  virtual ~TableReader() = default;

  /// Of all columns: UTF-8, none empty, none twice.
  virtual std::vector<std::string> names() const = 0;

  /// Gives all rows, in pieces that may be as small as one likes; asked again, the same ones. A
  /// piece has all columns in the order of their names, each of numbers (NaN where missing) or of
  /// text (`categorical`: codes into the piece's own `categories`, -1 where missing). Its bad rows
  /// are counted from its first one, and whoever does not tolerate them throws the first. A column
  /// may be of numbers in one piece and of text in another: then it is one of text.
  virtual void read(const std::function<void(Table piece)>& take) const = 0;
};

struct SampleOptions {
  std::int64_t width = 0;       ///< `sparse`: features of a sample; 0: those the file has
  bool label_optional = false;  ///< samples may have none: predictions are made for them
  bool tolerant = false;        ///< samples that cannot be read end in `bad`, and hold nothing
  Range columns;                ///< `sparse`: only these of the `width` features; empty: all
};

/// Features and target.
struct Samples {
  Array features;              ///< [samples, ...]
  std::vector<double> labels;  ///< NaN: none
  std::vector<BadRow> bad;     ///< ascending
  std::int64_t classes = 0;    ///< labels are class numbers below this; 0: they may be anything
};

class TableFiles;
struct TableRequest;
struct SourceRequest;

struct FormatKind : schema::Registration {
  std::string title;  ///< for messages: "JSON Lines"
  Holds holds = Holds::table;
  std::vector<std::string> endings;  ///< of names, in small letters: ".jsonl"
  std::vector<std::string> marks;    ///< what files begin with
  /// How else a file is known; null: by its marks and endings. Must be quick.
  std::function<Likeness(const Content&)> likeness = nullptr;
  /// The same of files without NUL bytes about which marks and endings say nothing.
  std::function<Likeness(const Content&)> text_likeness = nullptr;
  bool parts = false;  ///< a folder of nothing but such files is one table, in parts

  // A table: how a file is opened.
  std::function<std::unique_ptr<TableReader>(const Content&)> table = nullptr;

  // An array: `Content::array` of the file, as DataError and InputError allow.
  std::function<Array(const Content&)> array = nullptr;
  /// Of an archive (`FILE#NAME`): the names of its arrays.
  std::function<std::vector<std::string>(const Content&)> arrays = nullptr;

  // Samples.
  std::function<Samples(const Content&, const SampleOptions&)> samples = nullptr;
  bool sparse =
      false;  ///< a sample is given by what is not zero, so data.width says how wide it is

  // Convoy's own, for what the above cannot: tables of text (data/formats/table_files), folders and
  // texts (data/splits).
  std::function<std::unique_ptr<TableFiles>(const TableRequest&)> files = nullptr;
  std::function<void(SourceRequest&)> whole = nullptr;
  std::function<Likeness(const std::filesystem::path&)> folder = nullptr;
  std::string units = {};  ///< what samples are made of, where no preprocessing step can take them

  bool is_archive() const { return arrays != nullptr; }
  /// Whether its rows are read in pieces, so that they may be more than fit in memory.
  bool streams() const { return holds == Holds::table; }
};

schema::Registry<FormatKind>& formats();

/// As data.format names it; null for one that there is not, and for auto.
const FormatKind* format_named(std::string_view name);

/// What the name of a file says; null where it says nothing. Whether letters are small or capital
/// does not count, nor do .gz and .zst at the end.
const FormatKind* format_of_name(std::string_view path);

}  // namespace convoy

#pragma GCC visibility pop
