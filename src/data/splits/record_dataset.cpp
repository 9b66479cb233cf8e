#include "data/splits/record_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/peers/segments.hpp"
#include "data/dataset/gather.hpp"
#include "data/peers/agree.hpp"
#include "data/peers/message.hpp"
#include "data/records/read_ahead.hpp"

namespace convoy {
namespace {

/// Rows of records that are decoded together while statistics are taken.
constexpr std::int64_t rows_of_piece = 4096;

/// The samples of a split: some rows of a dataset of all rows.
class RecordDataset final : public Dataset, public ReadsAhead {
 public:
  RecordDataset(std::shared_ptr<const Dataset> all, RecordView view, RowList rows)
      : all_(std::move(all)), view_(std::move(view)), rows_(std::move(rows)) {}

  std::int64_t size() const override { return rows_.size(); }
  const DataSpec& spec() const override { return all_->spec(); }
  Batch read(std::span<const std::int64_t> samples) const override {
    return all_->read(rows_of(samples));
  }
  Batch read_changed(std::span<const std::int64_t> samples, const Change& change) const override {
    return all_->read_changed(rows_of(samples), change);
  }
  void read_ahead(Range samples) const override {
    const std::int64_t end = std::min(samples.end, size());
    if (samples.begin < end) view_.set->read_ahead(rows_[samples.begin], rows_[end - 1] + 1);
  }

 private:
  std::vector<std::int64_t> rows_of(std::span<const std::int64_t> samples) const {
    require_samples(samples, size());
    std::vector<std::int64_t> rows(samples.begin(), samples.end());
    for (std::int64_t& row : rows) row = rows_[row];
    return rows;
  }

  std::shared_ptr<const Dataset> all_;
  RecordView view_;
  RowList rows_;
};

/// All rows of a table.
class TableRecords final : public Dataset {
 public:
  TableRecords(RecordView view, TargetCode code, FittedSteps steps, DataSpec spec)
      : view_(std::move(view)),
        code_(std::move(code)),
        steps_(std::move(steps)),
        spec_(std::move(spec)) {}

  std::int64_t size() const override { return view_.set->samples(); }
  const DataSpec& spec() const override { return spec_; }

  Batch read(std::span<const std::int64_t> rows) const override {
    Frame frame = view_.frame(rows);
    for (const auto& step : steps_) step->apply(frame);
    if (frame.numbers.size() != rows.size())
      throw DataError(frame.file, "changed while it was read");
    const Array matrix = to_matrix(frame);
    Batch batch;
    batch.features = host_tensor({static_cast<std::int64_t>(rows.size()), spec_.feature_shape[0]});
    if (!matrix.bytes.empty()) {
      std::memcpy(values_of(batch.features).data(), matrix.bytes.data(), matrix.bytes.size());
    }
    if (!frame.targets.empty())
      batch.target = code_.encode(frame.targets, frame.numbers, Origin(frame.file));
    batch.samples = std::move(frame.numbers);
    return batch;
  }

 private:
  RecordView view_;
  TargetCode code_;
  FittedSteps steps_;
  DataSpec spec_;
};

Frame head_frame(const RecordView& view) {
  Frame head = view.frame({});
  for (std::size_t i = 0; i < head.features.size(); ++i)
    head.features[i] = head_of(view.feature(i));
  return head;
}

/// Of ascending numbers, those that `kept` (ascending, a part of them) lacks.
void add_dropped(const std::vector<std::int64_t>& all, const std::vector<std::int64_t>& kept,
                 std::vector<std::int64_t>& dropped) {
  std::set_difference(all.begin(), all.end(), kept.begin(), kept.end(),
                      std::back_inserter(dropped));
}

/// The rows without those that `drop` takes out of frames. Collective: each worker looks at its own
/// positions.
RowList without_dropped(const RowList& rows, Peers* peers,
                        const std::function<Frame(Range positions)>& read,
                        const std::function<void(Frame&)>& drop) {
  const std::vector<std::string> messages = gather(peers, [&] {
    std::vector<std::int64_t> dropped;
    const Range own = own_positions(rows.size(), peers);
    for (std::int64_t at = own.begin; at < own.end; at += rows_of_piece) {
      Frame frame = read({at, std::min(own.end, at + rows_of_piece)});
      const std::vector<std::int64_t> before = frame.numbers;
      drop(frame);
      add_dropped(before, frame.numbers, dropped);
    }
    MessageWriter writer;
    writer.count(dropped.size());
    for (const std::int64_t row : dropped) writer.count(static_cast<std::size_t>(row));
    return writer.take();
  });
  std::vector<std::int64_t> dropped;
  for (std::size_t worker = 0; worker < messages.size(); ++worker) {
    MessageReader reader(messages[worker], worker);
    for (std::size_t left = reader.count(sizeof(std::uint64_t)); left > 0; --left)
      dropped.push_back(static_cast<std::int64_t>(reader.count(0)));
    reader.expect_end();
  }
  if (dropped.empty()) return rows;
  std::vector<std::int64_t> kept;
  kept.reserve(static_cast<std::size_t>(rows.size()) -
               std::min(dropped.size(), static_cast<std::size_t>(rows.size())));
  auto next = dropped.begin();
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    if (next != dropped.end() && *next == rows[i])
      ++next;
    else
      kept.push_back(rows[i]);
  }
  return RowList::of(std::move(kept));
}

}  // namespace

std::shared_ptr<const Dataset> record_array_dataset(
    const RecordView& view, const RowList& rows, const TargetCode& code,
    const std::shared_ptr<const ArrayPipeline>& pipeline) {
  DataSpec spec;
  spec.feature_shape = pipeline->sample_shape();
  code.describe(spec);
  ReadTarget target;
  if (!view.target.empty()) {
    target = [view, code](std::span<const std::int64_t> samples) {
      return code.encode(view.targets(samples), samples, Origin(view.set->name()));
    };
  }
  auto all = array_dataset(stored_samples(view), pipeline, std::move(target), std::move(spec), {},
                           view.set->name(), false);
  return std::make_shared<RecordDataset>(std::move(all), view, rows);
}

std::shared_ptr<const Dataset> record_table_dataset(const RecordView& view, const RowList& rows,
                                                    const TargetCode& code, FittedSteps steps) {
  Frame head = head_frame(view);
  for (const auto& step : steps) step->apply(head);
  to_matrix(head);
  DataSpec spec;
  spec.feature_names = feature_names(head);
  spec.feature_shape = {static_cast<std::int64_t>(head.features.size())};
  code.describe(spec);
  auto all = std::make_shared<TableRecords>(view, code, std::move(steps), std::move(spec));
  return std::make_shared<RecordDataset>(std::move(all), view, rows);
}

RecordRows::RecordRows(RecordView view, RowList rows)
    : view_(std::move(view)), rows_(std::move(rows)), head_(head_frame(view_)) {}

Frame RecordRows::frame(Range positions) const {
  Frame frame = view_.frame(rows_.slice(positions.begin, positions.end));
  for (const auto& step : steps_) step->apply(frame);
  return frame;
}

void RecordRows::read(Range positions, const See& see) {
  for (std::int64_t at = positions.begin; at < positions.end; at += rows_of_piece) {
    const Range piece{at, std::min(positions.end, at + rows_of_piece)};
    see(frame(piece), {0, piece.size()});
  }
}

void RecordRows::add(const std::shared_ptr<const FittedStep>& step, Peers* peers) {
  if (step->compares_rows()) {
    agree(peers, [&] {
      Frame all = frame({0, rows_.size()});
      step->drop_training_rows(all);
      if (static_cast<std::int64_t>(all.numbers.size()) < rows_.size())
        rows_ = RowList::of(std::move(all.numbers));
    });
  } else if (step->drops_rows() || step->drops_training_rows()) {
    rows_ = without_dropped(
        rows_, peers, [&](Range positions) { return frame(positions); },
        [&](Frame& frame) {
          step->drop_training_rows(frame);
          step->apply(frame);
        });
  }
  step->apply(head_);
  steps_.push_back(step);
}

std::string RecordRows::too_large() const {
  if (!view_.set->is_large()) return "";
  return fmt::format(
      "needs all values of {} at once, which are more than data.memory ({} MiB); raise it, give a "
      "step that counts values an error (error: 0.001), or use one that sums up (standardise, "
      "min_max, impute with: mean, outliers with method: z)",
      view_.set->name(), view_.set->limit() >> 20);
}

RowList rows_left(const RecordView& view, const RowList& rows, const FittedSteps& steps) {
  if (std::ranges::none_of(steps, [](const auto& step) { return step->drops_rows(); })) return rows;
  const RowList left = without_dropped(
      rows, nullptr,
      [&](Range positions) { return view.frame(rows.slice(positions.begin, positions.end)); },
      [&](Frame& frame) {
        for (const auto& step : steps) step->apply(frame);
      });
  if (left.size() == 0)
    throw DataError(view.set->name(),
                    fmt::format("{} leaves no sample of this split", first_that_drops(steps)));
  return left;
}

std::int64_t chosen_block(const RecordSet& set) {
  if (!set.is_large()) return 1;
  constexpr std::uint64_t block_bytes = 1 << 20;
  const std::uint64_t bytes = std::min(block_bytes, set.limit() / 64);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / set.part().record_bytes));
}

StoredSamples stored_samples(const RecordView& view) {
  return {view.feature(0).type, view.set->samples(),
          [view](std::int64_t row) { return view.array(row); }};
}

}  // namespace convoy
