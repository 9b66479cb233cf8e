// Fitting: what a step learns from the training split.
#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "data/csv_lexer.hpp"
#include "data/steps/columns.hpp"
#include "data/steps/steps.hpp"
#include "data/table_pipeline.hpp"

namespace convoy {
namespace {

FittedStep fit_step(const PreprocessStep& step, Frame& frame, Peers* peers) {
  const std::string& kind = step.kind;
  if (is_elementwise(kind)) return steps::fit_numbers(step, frame, peers);
  if (kind == "impute") return steps::fit_impute(step, frame, peers);
  if (kind == "drop_missing") return steps::fit_named_columns(step, frame);
  if (kind == "outliers") return steps::fit_outliers(step, frame, peers);
  if (kind == "drop_duplicates") return steps::fit_named_columns(step, frame);
  if (kind == "one_hot" || kind == "ordinal" || kind == "frequency" || kind == "hashing")
    return steps::fit_encoding(step, frame, peers);
  if (kind == "to_number" || kind == "to_text" || kind == "clean_text")
    return steps::fit_text(step, frame);
  if (kind == "tokens") return steps::fit_tokens(step, frame);
  if (kind == "pca") return steps::fit_pca(step, frame, peers);
  throw InputError(fmt::format("preprocess: no step is called {}", in_quotes(kind)));
}

/// Rows leave the training split that other splits keep.
void drop_training_rows(const FittedStep& step, Frame& frame) {
  if (step.kind == "drop_duplicates") steps::drop_duplicates(step, frame);
  if (step.kind == "outliers" && step.action == "drop") steps::drop_outliers(step, frame);
}

/// Whether the step found no column that it is for.
bool does_nothing(const FittedStep& step) {
  return step.columns.empty() && step.kind != "drop_missing" && step.kind != "drop_duplicates";
}

}  // namespace

std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, Frame& frame,
                                  Peers* peers) {
  std::vector<FittedStep> all;
  for (const PreprocessStep& step : steps) {
    FittedStep fitted = fit_step(step, frame, peers);
    if (does_nothing(fitted)) continue;
    drop_training_rows(fitted, frame);
    apply_step(fitted, frame);
    if (frame.numbers.empty())
      fail_step(step.kind, fmt::format("no row of the training split in {} is left", frame.file));
    all.push_back(std::move(fitted));
  }
  return all;
}

}  // namespace convoy
