#pragma once
// Prepared data as the source of a split.
#include "data/sources/location.hpp"
#include "data/splits/source.hpp"

namespace convoy {

/// Fills in `records`, the columns' names and types, the number of rows, and of the target what is
/// needed to decide what it means (not its rows). Which part of the folder is meant is told by
/// `FOLDER#PART`, else by the job's key. Throws as read_source.
void read_records(Source& source, const Located& located, const DataFiles& files,
                  const SourceOptions& options, const Resolve& resolve);

/// Reads all records of a source into memory, as if it had been read from files of another format.
/// Throws InputError when they are more than data.memory.
void read_into_memory(Source& source);

/// A column of all rows, features and targets alike; null when there is none.
std::optional<Column> record_column(const RecordView& view, const std::string& name);

/// The targets of some of the rows.
RawTarget record_targets(const Source& source, std::span<const std::int64_t> rows);

}  // namespace convoy
