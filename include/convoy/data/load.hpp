#pragma once
// From files to datasets ready to train on.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/load_options.hpp"
#include "convoy/data/partition/columns.hpp"
#include "convoy/data/sources/fetch.hpp"
#include "convoy/data/splits/same_data.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The splits of some data. `validation` and `test` are null where it has none.
struct Splits {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> validation;
  std::shared_ptr<const Dataset> test;
  /// partition.by: value: the value of each training sample, as read from the file; size: its
  /// tokens; else empty. For TrainingData::values.
  Column values;
  /// Samples that partition.block: 0 means: 1, or more where the training data are records that are
  /// larger than data.memory.
  std::int64_t block = 1;
  /// partition.by: column: who has which features. The datasets then have this worker's alone;
  /// `fitted` is of all.
  std::optional<ColumnPartition> columns;
  /// Of a sample, whatever this worker has of it.
  DataSpec whole_spec() const;
  /// Everything `load_for_prediction` needs to treat new data as the training data was treated: the
  /// fitted steps with their statistics, category and class names, column roles. Stored inside the
  /// model.
  nlohmann::ordered_json fitted;
  /// What must be the same on every worker, as text for `require_same_data`, with this machine's
  /// name: sizes, shapes, columns and checksums of every split. Filled in without peers too.
  std::string fingerprint;
  /// Samples of the files of all splits that `data.on_bad_sample: skip` left out, and one line for
  /// each such file: "x.csv: 3 of 1,000 samples left out: lines 7, 19, 40; line 7: 3 fields where 4
  /// are expected". The same on every worker.
  std::int64_t skipped_samples = 0;
  std::vector<std::string> skipped;
  /// A line for each damaged file of a fetched package that this worker fetched again.
  std::vector<std::string> repaired;
};

/// Fetches (if data.fetch says so), reads, checks, splits and preprocesses. Which sample is in
/// which split depends on the seed and the number of samples alone; statistics come from the
/// training split alone. Relative paths start at `directory`, or inside the fetched package. Throws
/// InputError / DataError with one clear line.
///
/// Collective with `peers`: all workers call it with the same arguments. Each takes statistics over
/// its share of the training split only (of mapped arrays, IDX of bytes and NPY, it reads only that
/// share; CSV has no index of its rows, so every worker parses and holds the whole table), and the
/// shares are merged: `fitted` has the same bits on every worker and for any number of workers,
/// one process without peers included. A worker that lacks a file, or has other data than worker 0,
/// stops all workers before any training: each throws, the others naming that worker and its host.
/// Arrays are compared by a checksum of a sample of their bytes, tables and targets by one of all
/// of them. Throws PeerError when a worker is lost.
///
/// With `partition` by column a worker keeps in memory only the features of its own parts, after
/// preprocessing as before. Steps are fitted to each column by the worker that has it; the bits are
/// those of one process that has all. Throws InputError for steps that need several columns at a
/// time.
///
/// With `partition` by value, Splits::values is filled in; the splits are the same. Its column may
/// be one that data.csv.ignore leaves out of the features.
Splits load_splits(const LoadOptions& options, Peers* peers = nullptr);

/// New data through the fitted steps. `files` may lack a target; Batch::target is then undefined. A
/// category that training did not know becomes all zeros under one_hot; a class name it did not
/// know throws DataError.
std::shared_ptr<const Dataset> load_for_prediction(const DataOptions& data, const DataFiles& files,
                                                   const nlohmann::ordered_json& fitted,
                                                   const std::filesystem::path& directory);

}  // namespace convoy

#pragma GCC visibility pop
