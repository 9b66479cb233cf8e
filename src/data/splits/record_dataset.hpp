#pragma once
// Prepared data as datasets: records are decoded and preprocessed as they are read.
#include "convoy/data/dataset/dataset.hpp"
#include "data/dataset/row_list.hpp"
#include "data/preprocess/array_pipeline.hpp"
#include "data/preprocess/table_pipeline.hpp"
#include "data/records/record_set.hpp"
#include "data/splits/target.hpp"

namespace convoy {

/// The arrays of the records.
StoredSamples stored_samples(const RecordView& view);

/// Array features through the pipeline; sample i is row rows[i] of the records. Without target
/// fields Batch::target is undefined. The dataset is a ReadsAhead too.
std::shared_ptr<const Dataset> record_array_dataset(
    const RecordView& view, const RowList& rows, const TargetCode& code,
    const std::shared_ptr<const ArrayPipeline>& pipeline);

/// A table through the steps. None of the steps drops any of the rows. Throws DataError when what
/// comes out of the steps is no matrix of numbers.
std::shared_ptr<const Dataset> record_table_dataset(const RecordView& view, const RowList& rows,
                                                    const TargetCode& code, FittedSteps steps);

/// The training rows of a table, read piece by piece: memory is bounded by a piece's rows and,
/// where rows were dropped, 8 bytes for each that is left.
class RecordRows final : public TrainingRows {
 public:
  RecordRows(RecordView view, RowList rows);
  Frame& head() override { return head_; }
  std::int64_t size() const override { return rows_.size(); }
  void read(Range positions, const See& see) override;
  void add(const std::shared_ptr<const FittedStep>& step, Peers* peers) override;
  std::string too_large() const override;

  /// Those that are left.
  const RowList& rows() const { return rows_; }

 private:
  Frame frame(Range positions) const;

  RecordView view_;
  RowList rows_;
  FittedSteps steps_;
  Frame head_;
};

/// The rows that the steps leave of another split. Throws DataError when none is left.
RowList rows_left(const RecordView& view, const RowList& rows, const FittedSteps& steps);

/// How many neighbouring samples are read in one go where partition.block leaves it open: about
/// 1 MiB of records, or a 64th of what may be kept in memory if that is less; 1 where the records
/// are not larger than memory.
std::int64_t chosen_block(const RecordSet& set);

}  // namespace convoy
