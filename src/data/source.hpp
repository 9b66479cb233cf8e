#pragma once
// The files of one split, read but not yet interpreted.
#include <array>
#include <memory>
#include <optional>

#include "convoy/core/peers.hpp"
#include "convoy/data/formats.hpp"
#include "convoy/data/tokenizer.hpp"
#include "data/bad_samples.hpp"
#include "data/columns.hpp"
#include "data/sources/resolve.hpp"
#include "data/target.hpp"

namespace convoy {

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
  std::int64_t rows = 0;        ///< bad ones included
  std::optional<RawTarget> target;
  std::shared_ptr<const Tokenizer> tokenizer;  ///< text only
  /// Text only: how many of the rows are the training, validation and test split, in this order.
  std::array<std::int64_t, 3> parts{};
  std::optional<WholeFeatures> whole;  ///< by column: the array or the columns are some of them
  BadSamples bad;  ///< rows that cannot be read; always empty where data.on_bad_sample is `stop`

  std::vector<std::int64_t> good_rows() const { return bad.others(rows); }
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
  const ColumnCut* cut = nullptr;      ///< which columns to keep; null: all

  /// Prediction has a row of output for every row of input.
  bool skip() const { return data.on_bad_sample == "skip" && !target_optional; }
};

/// Reads and checks one split's files; `resolve` turns a path of the job into files of the system
/// (but for databases, which are asked here).
/// With roles, columns come out in their order and with their types; columns that training did not
/// have are left out. With peers, every worker reads every file, but looks for values that are not
/// finite in its part of an array alone, unless they are to be skipped: each must know them all.
/// Throws InputError / DataError.
Source read_source(const DataFiles& files, const SourceOptions& options, const Resolve& resolve);

}  // namespace convoy
