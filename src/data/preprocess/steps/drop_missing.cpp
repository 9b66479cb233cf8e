// Rows that miss a value leave their split, whichever it is.
#include <algorithm>

#include "convoy/data/preprocess/columns.hpp"

namespace convoy {
namespace {

/// Columns: those that are looked at; none: all, and the targets.
class DropMissing final : public FittedStep {
 public:
  explicit DropMissing(std::vector<std::string> columns)
      : FittedStep("drop_missing", std::move(columns)) {}

  void save(nlohmann::ordered_json&) const override {}
  bool does_nothing() const override { return false; }
  bool drops_rows() const override { return true; }
  void apply(Frame& frame) const override {
    std::vector<std::int64_t> kept;
    const std::vector<const Column*> looked_at = steps::named_columns(columns(), frame);
    for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
      const auto absent = [row](const Column* column) { return is_missing(*column, row); };
      if (std::none_of(looked_at.begin(), looked_at.end(), absent))
        kept.push_back(static_cast<std::int64_t>(row));
    }
    steps::keep_rows(frame, kept);
  }
};

std::unique_ptr<FittedStep> fit_drop_missing(const schema::AnyOptions& options, TrainingRows& rows,
                                             Peers*) {
  const auto chosen = options.as<ColumnOptions>();
  steps::require_there("drop_missing", chosen.columns, rows.head());
  return std::make_unique<DropMissing>(chosen.columns);
}

std::unique_ptr<FittedStep> load_drop_missing(const nlohmann::ordered_json& record) {
  return std::make_unique<DropMissing>(recorded_columns(record));
}

const schema::Registered drop_missing_step(
    preprocess_steps(), StepKind{{.name = "drop_missing",
                                  .doc = "leaves out the rows that miss a value",
                                  .bare = "columns",
                                  .options = ColumnOptions{},
                                  .guarantees = {.columns = false}},
                                 fit_drop_missing,
                                 load_drop_missing,
                                 nullptr,
                                 [](const schema::AnyOptions&, std::span<const std::int64_t>) {
                                   return std::string("drops rows by all of them");
                                 }});

}  // namespace
}  // namespace convoy
