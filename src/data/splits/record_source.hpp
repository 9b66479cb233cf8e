#pragma once
// Prepared data as the source of a split.
#include "data/splits/source.hpp"

namespace convoy {

/// Reads all records of a source into memory, as if it had been read from files of another format.
/// Throws InputError when they are more than data.memory.
void read_into_memory(Source& source);

/// A column of all rows, features and targets alike; null when there is none.
std::optional<Column> record_column(const RecordView& view, const std::string& name);

/// The targets of some of the rows.
RawTarget record_targets(const Source& source, std::span<const std::int64_t> rows);

}  // namespace convoy
