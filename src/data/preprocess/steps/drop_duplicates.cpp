// Rows that are equal to an earlier one leave the training split. What is to be predicted or
// measured stays whole.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "convoy/core/checksum.hpp"
#include "convoy/data/preprocess/columns.hpp"

namespace convoy {
namespace {

/// Rows by what they hold in some columns. Missing values are equal to each other, and 0 to -0.
class RowSet {
 public:
  explicit RowSet(std::vector<const Column*> columns) : columns_(std::move(columns)) {}

  /// False when an equal row is there already.
  bool insert(std::size_t row) {
    key_.clear();
    for (const Column* column : columns_) key_.push_back(value(*column, row));
    const std::uint64_t hash = xxh3(std::as_bytes(std::span(key_)));
    const auto [begin, end] = rows_.equal_range(hash);
    if (std::any_of(begin, end, [&](const auto& known) { return equal(known.second, row); }))
      return false;
    rows_.emplace(hash, row);
    return true;
  }

 private:
  static double value(const Column& column, std::size_t row) {
    if (column.categorical) return column.codes[row];
    const double x = column.numbers[row];
    return std::isnan(x) ? std::numeric_limits<double>::quiet_NaN() : x == 0 ? 0 : x;
  }
  bool equal(std::size_t a, std::size_t b) const {
    return std::all_of(columns_.begin(), columns_.end(), [&](const Column* column) {
      const double x = value(*column, a);
      const double y = value(*column, b);
      return x == y || (std::isnan(x) && std::isnan(y));
    });
  }

  std::vector<const Column*> columns_;
  std::vector<double> key_;
  std::unordered_multimap<std::uint64_t, std::size_t> rows_;
};

/// Columns: those that are compared; none: all, and the targets.
class DropDuplicates final : public FittedStep {
 public:
  explicit DropDuplicates(std::vector<std::string> columns)
      : FittedStep("drop_duplicates", std::move(columns)) {}

  void save(nlohmann::ordered_json&) const override {}
  bool does_nothing() const override { return false; }
  void apply(Frame&) const override {}
  bool drops_training_rows() const override { return true; }
  bool compares_rows() const override { return true; }
  void drop_training_rows(Frame& frame) const override {
    RowSet rows(steps::named_columns(columns(), frame));
    std::vector<std::int64_t> kept;
    for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
      if (rows.insert(row)) kept.push_back(static_cast<std::int64_t>(row));
    }
    steps::keep_rows(frame, kept);
  }
};

std::unique_ptr<FittedStep> fit_drop_duplicates(const schema::AnyOptions& options,
                                                TrainingRows& rows, Peers*) {
  const auto chosen = options.as<ColumnOptions>();
  steps::require_there("drop_duplicates", chosen.columns, rows.head());
  return std::make_unique<DropDuplicates>(chosen.columns);
}

std::unique_ptr<FittedStep> load_drop_duplicates(const nlohmann::ordered_json& record) {
  return std::make_unique<DropDuplicates>(recorded_columns(record));
}

const schema::Registered drop_duplicates_step(
    preprocess_steps(),
    StepKind{{.name = "drop_duplicates",
              .doc = "leaves out rows of the training split that are equal to an earlier one, in "
                     "these columns, or in all and the target",
              .bare = "columns",
              .options = ColumnOptions{},
              .guarantees = {.columns = false}},
             fit_drop_duplicates,
             load_drop_duplicates,
             nullptr,
             [](const schema::AnyOptions&, std::span<const std::int64_t>) {
               return std::string("drops rows by all of them");
             },
             [](const schema::AnyOptions&, Frame&) { return true; }});

}  // namespace
}  // namespace convoy
