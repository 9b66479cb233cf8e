// Declared in data/preprocess/table_pipeline.hpp.
// Applying fitted steps to a frame.
#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "data/preprocess/steps/steps.hpp"
#include "data/preprocess/table_pipeline.hpp"

namespace convoy {

void apply_step(const FittedStep& step, Frame& frame) {
  const std::string& kind = step.kind;
  if (is_elementwise(kind)) return steps::apply_numbers(step, frame);
  if (kind == "impute") return steps::apply_impute(step, frame);
  if (kind == "drop_missing") return steps::apply_drop_missing(step, frame);
  if (kind == "outliers") return steps::apply_outliers(step, frame);
  if (kind == "drop_duplicates") return;  // of the training split alone
  if (kind == "tokens") return steps::apply_tokens(step, frame);
  if (kind == "pca") return steps::apply_pca(step, frame);
  if (kind == "to_number" || kind == "to_text" || kind == "clean_text")
    return steps::apply_text(step, frame);
  steps::apply_encoding(step, frame);
}

}  // namespace convoy
