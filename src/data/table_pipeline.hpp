#pragma once
// Preprocessing steps on tables.
#include "data/frame.hpp"
#include "data/preprocess.hpp"

namespace convoy {

/// Fits each step to the frame as the steps before left it, and applies it to the frame.
/// Throws InputError / DataError.
std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, Frame& frame);

/// Applies a fitted step to a frame, of the training data or of another split.
void apply_step(const FittedStep& step, Frame& frame);

}  // namespace convoy
