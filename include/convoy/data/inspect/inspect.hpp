#pragma once
// What is in data, before anything is trained on it: the numbers behind `convoy data inspect`.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/data/load_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// A record of the data that `load` says; `name` is that of its job:
///   name, kind ("job" or "file"); jobs: task, target [names]
///   files [{part, file, samples, columns | array, target, duplicates}]: as read, before
///     preprocessing, without the samples that cannot be read. part: train, validation, test; empty
///     for a lone file. duplicates: samples with the features of an earlier one
///     columns and target: [{name, kind "number" or "text", missing, missing_part, distinct,
///       number: whole, min, lower_quartile, median, upper_quartile, max, mean, std,
///         histogram {from, to, counts}; text and numbers of few values: commonest [{value,
///         count}]}]
///     array: {shape, type, elements, not_finite, zeros, min, max, mean, std, histogram}
///   splits [{split, samples, without_target, also_in_train, classes [{class, count, part}] |
///     target [as above]}]
///   notes [lines]: what deserves a look
/// Samples that cannot be read are named in the notes, whatever data.on_bad_sample says. Replicas
/// share the work and never change the result. Throws as load_splits does.
nlohmann::ordered_json inspect_splits(const LoadOptions& load, const std::string& name,
                                      int replicas);

/// The same of a lone file, which may be any path of a job, read as `data` says (format, csv,
/// target, task, classes and, for a database, train.query), the rest of which is not looked at.
/// With a target the file is the one split, "samples"; else there is none.
nlohmann::ordered_json inspect_file(const std::filesystem::path& file, const DataOptions& data,
                                    int replicas);

}  // namespace convoy

#pragma GCC visibility pop
