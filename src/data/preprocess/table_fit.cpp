// Declared in data/preprocess/table_pipeline.hpp and training_rows.hpp.
// Fitting: what a step learns from the training split.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"
#include "data/preprocess/table_pipeline.hpp"

namespace convoy {
namespace {

/// Whether the step cannot be fitted by sums over the rows, or counts of a bounded number of
/// different values: it needs each different number, or to compare all rows.
bool needs_all_rows(const PreprocessStep& step, Frame& head) {
  const std::string& kind = step.kind;
  if (kind == "drop_duplicates") return true;
  if (step.error > 0) return false;
  if (needs_counts(kind)) return true;
  if (kind == "outliers") return step.method == "iqr";
  if (kind != "impute" || (step.with != "median" && step.with != "mode")) return false;
  const std::vector<std::string> names = steps::columns_of(step, head, true, step.with == "mode");
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return !find_column(head.features, name)->categorical;
  });
}

FittedStep fit_step(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  const std::string& kind = step.kind;
  if (const std::string reason = rows.too_large();
      !reason.empty() && needs_all_rows(step, rows.head()))
    fail_step(kind, reason);
  if (is_elementwise(kind)) return steps::fit_numbers(step, rows, peers);
  if (kind == "impute") return steps::fit_impute(step, rows, peers);
  if (kind == "drop_missing") return steps::fit_named_columns(step, rows.head());
  if (kind == "outliers") return steps::fit_outliers(step, rows, peers);
  if (kind == "drop_duplicates") return steps::fit_named_columns(step, rows.head());
  if (kind == "one_hot" || kind == "ordinal" || kind == "frequency" || kind == "hashing")
    return steps::fit_encoding(step, rows, peers);
  if (kind == "to_number" || kind == "to_text" || kind == "clean_text")
    return steps::fit_text(step, rows.head());
  if (kind == "tokens") return steps::fit_tokens(step, rows, peers);
  if (kind == "pca") return steps::fit_pca(step, rows, peers);
  throw InputError(fmt::format("preprocess: no step is called {}", in_quotes(kind)));
}

/// Whether the step found no column that it is for.
bool does_nothing(const FittedStep& step) {
  return step.columns.empty() && step.kind != "drop_missing" && step.kind != "drop_duplicates";
}

}  // namespace

bool drops_rows(const FittedStep& step) {
  return step.kind == "drop_missing";
}

bool drops_training_rows(const FittedStep& step) {
  return step.kind == "drop_duplicates" || (step.kind == "outliers" && step.action == "drop");
}

void drop_training_rows(const FittedStep& step, Frame& frame) {
  if (step.kind == "drop_duplicates") steps::drop_duplicates(step, frame);
  if (step.kind == "outliers" && step.action == "drop") steps::drop_outliers(step, frame);
}

void FrameRows::add(const FittedStep& step, Peers* /*peers*/) {
  drop_training_rows(step, frame_);
  apply_step(step, frame_);
}

std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, TrainingRows& rows,
                                  Peers* peers) {
  std::vector<FittedStep> all;
  for (const PreprocessStep& step : steps) {
    FittedStep fitted = fit_step(step, rows, peers);
    if (does_nothing(fitted)) continue;
    rows.add(fitted, peers);
    if (rows.size() == 0)
      fail_step(step.kind,
                fmt::format("no row of the training split in {} is left", rows.head().file));
    all.push_back(std::move(fitted));
  }
  return all;
}

}  // namespace convoy
