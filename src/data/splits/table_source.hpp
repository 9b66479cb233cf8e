#pragma once
// Tables as sources: which columns are features and which the target, of which type, and which of
// them are kept. What read_source (data/splits/source) says of errors holds here.
#include <optional>
#include <string>
#include <vector>

#include "data/splits/source.hpp"
#include "data/splits/table_file.hpp"

namespace convoy {

/// Reads features, and the target where the file has it too. `label_columns`: of a file of labels,
/// if there is one.
void read_table(Source& source, const TableFile& file, const DataFiles& files,
                const SourceOptions& options, const std::vector<std::string>& label_columns);

/// A file of labels; rows that cannot be read are added to `bad`.
RawTarget read_label_table(const TableFile& file, const SourceOptions& options, BadSamples& bad);

/// Tells a visitor of a table piece by piece (visit_table).
void emit_table(const TableFile& file, const DataFiles& files, const SourceOptions& options,
                std::optional<RawTarget> labels, BadSamples bad_labels, TableVisitor& visitor);

/// New data often has the target column with nothing in it.
bool has_values(const RawTarget& target);

std::vector<std::string> names_of_labels(const std::optional<RawTarget>& target);

/// Throws DataError unless there are as many labels as samples.
void require_labels_for_all(const Source& source);

}  // namespace convoy
