#pragma once
// The files of one split, read but not yet interpreted.
#include <array>
#include <memory>
#include <optional>

#include "convoy/core/peers.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/options.hpp"
#include "convoy/data/text/tokenizer.hpp"
#include "data/integrity/bad_samples.hpp"
#include "data/partition/columns.hpp"
#include "data/sources/resolve.hpp"
#include "data/splits/target.hpp"

namespace convoy {

struct RecordView;
class PageKeeper;
/// What there is of features of which a worker keeps only some.
struct WholeFeatures {
  std::vector<std::int64_t> shape;   ///< of a sample, where they are an array
  std::vector<std::string> columns;  ///< else the names of all
  std::string checksum;              ///< of all, as the files have them
};

/// Features as an array or as table columns, and the target if there is one.
struct Source {
  std::string file;             ///< of the features, for messages
  std::optional<Array> array;   ///< features that have a shape and no names
  std::vector<Column> columns;  ///< else: a table's features, without the target columns
  /// Prepared data, whose samples are read when they are needed: then there is no `array`, and
  /// columns and target hold names, types and categories alone.
  std::shared_ptr<const RecordView> records;
  std::int64_t rows = 0;  ///< bad ones included
  std::optional<RawTarget> target;
  std::shared_ptr<const Tokenizer> tokenizer;  ///< text only
  /// Text only: how many of the rows are the training, validation and test split, in this order.
  std::array<std::int64_t, 3> parts{};
  std::optional<WholeFeatures> whole;  ///< by column: the array or the columns are some of them
  BadSamples bad;  ///< rows that cannot be read; always empty where data.on_bad_sample is `stop`

  std::vector<std::int64_t> good_rows() const { return bad.others(rows); }
  /// Whether the features are an array, in memory or in records.
  bool is_array() const { return array.has_value() || (records && columns.empty()); }
};

/// Of a sample, where features are an array: of the whole, whatever is kept of it.
std::vector<std::int64_t> sample_shape(const Source& source);

/// What the training files were, which files read later must follow.
struct ColumnRoles {
  std::vector<Column> features;  ///< names and types only
  std::vector<std::string> target;
  bool target_categorical = false;
  std::int64_t width = 0;  ///< features of a sample, where they are an array of one dimension
  std::vector<std::int64_t> shape;             ///< of a sample, where they are an array
  std::shared_ptr<const Tokenizer> tokenizer;  ///< where they are a text
};

/// Features of a sample of this shape, if it has one dimension; else 0.
std::int64_t flat_width(const std::vector<std::int64_t>& sample_shape);

ColumnRoles roles_of(const Source& train, const TargetCode& code);

struct SourceOptions {
  const DataOptions& data;
  const char* key;                     ///< the job key of the files, for messages: "data.train"
  const ColumnRoles* roles = nullptr;  ///< null for the training files themselves
  bool target_optional = false;        ///< prediction
  const Peers* peers = nullptr;        ///< share the search for values that are not finite
  std::shared_ptr<PageKeeper> pages =
      nullptr;                     ///< of prepared data of the whole job; null: its own
  const ColumnCut* cut = nullptr;  ///< which columns to keep; null: all

  /// Prediction has a row of output for every row of input.
  bool skip() const { return data.on_bad_sample == "skip" && !target_optional; }
};

/// What a format that takes the reading of a whole path upon itself is given
/// (FormatKind::whole). It fills in `source`, and throws as read_source.
struct SourceRequest {
  Source& source;
  const Located& located;
  const DataFiles& files;
  const SourceOptions& options;
  const Resolve& resolve;
};

struct NumberRange;

/// What is told of a table that is read in pieces.
class TableVisitor {
 public:
  virtual ~TableVisitor() = default;
  /// First: columns and target with names, types and categories, and the number of rows; bad rows
  /// are not among them. The numbers of target columns are a few that decide what it means as all
  /// would. `ranges`: of the columns, then of the target columns.
  virtual void begin(const Source& head, const std::vector<NumberRange>& ranges) = 0;
  /// Then rows, in order. Columns of text have no categories here; rows and bad ones are counted
  /// from the piece's first.
  virtual void piece(Source piece) = 0;
};

/// Reads one split's files as read_source does, but a table's rows twice and in pieces, so that
/// they may be more than fit in memory. A file of labels beside it is held in memory. False, and
/// nothing was told, when it is no table. Throws as read_source.
bool visit_table(const DataFiles& files, const SourceOptions& options, const Resolve& resolve,
                 TableVisitor& visitor);

/// Numbers that decide what a target is (TargetCode::decide) as numbers in this range do. `whole`:
/// all of them are.
std::vector<double> deciding_numbers(double low, double high, bool whole);

/// Reads and checks one split's files; `resolve` turns a path of the job into files of the system
/// (but for databases, which are asked here).
/// With roles, columns come out in their order and with their types; columns that training did not
/// have are left out. With peers, every worker reads every file, but looks for values that are not
/// finite in its part of an array alone, unless they are to be skipped: each must know them all.
/// Throws InputError / DataError.
Source read_source(const DataFiles& files, const SourceOptions& options, const Resolve& resolve);

}  // namespace convoy
