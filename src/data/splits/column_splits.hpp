#pragma once
// From what a worker keeps of the columns to its datasets.
#include <nlohmann/json.hpp>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/partition/columns.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "data/dataset/row_list.hpp"
#include "data/partition/columns.hpp"
#include "data/preprocess/array_pipeline.hpp"
#include "data/splits/source.hpp"

namespace convoy {

/// A worker's columns after fitting, and what all of them are.
struct ColumnTables {
  std::vector<Frame> frames;       ///< of each list of rows, all own columns, steps applied
  FittedSteps steps;               ///< of all columns, as one worker would have fitted them
  nlohmann::ordered_json columns;  ///< names and types of all columns as read
  ColumnPartition partition;
};

/// Rows of a source of which the same columns are kept as of the training one.
struct ColumnRows {
  const Source* source = nullptr;
  std::vector<std::int64_t> rows;
};

/// Collective. Each part of the columns is fitted by itself, by the worker that has it, to the rows
/// of the first list; the others are treated the same way. Throws InputError / DataError, on all
/// workers alike.
ColumnTables fit_column_tables(const std::vector<PreprocessStep>& steps, const ColumnCut& cut,
                               const std::vector<ColumnRows>& lists, Peers* peers);

/// The same for an array.
struct ColumnArray {
  std::shared_ptr<ArrayPipeline> pipeline;  ///< for this worker's elements
  FittedSteps steps;                        ///< of all elements
  ColumnPartition partition;
};
ColumnArray fit_column_array(const std::vector<PreprocessStep>& steps, const ColumnCut& cut,
                             const Source& train, const RowList& rows, Peers* peers);

}  // namespace convoy
