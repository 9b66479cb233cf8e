#pragma once
// Preprocessing steps on tables.
#include "data/frame.hpp"
#include "data/preprocess.hpp"

namespace convoy {

/// Fits each step to the frame as the steps before left it, and applies it to the frame.
/// Collective: CSV cannot be read from the middle, so every worker has the whole table and applies
/// the steps to it, but takes statistics over its own segments of the rows left (data/segments)
/// alone. Whatever is decided here is decided on what was merged, so that all workers fail alike.
/// Throws InputError / DataError.
std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, Frame& frame,
                                  Peers* peers);

/// Applies a fitted step to a frame, of the training data or of another split.
void apply_step(const FittedStep& step, Frame& frame);

}  // namespace convoy
