#pragma once
// Preprocessing steps on tables.
#include "data/preprocess/frame.hpp"
#include "data/preprocess/preprocess.hpp"
#include "data/preprocess/training_rows.hpp"

namespace convoy {

/// Fits each step to the rows as the steps before left them, and applies it to them. Collective:
/// each worker takes statistics over its own segments of the rows left (data/peers/segments) alone.
/// Whatever is decided here is decided on what was merged, or on all rows, so that all workers fail
/// alike. Throws InputError / DataError.
std::vector<FittedStep> fit_steps(const std::vector<PreprocessStep>& steps, TrainingRows& rows,
                                  Peers* peers);

/// Applies a fitted step to a frame, of the training data or of another split.
void apply_step(const FittedStep& step, Frame& frame);

/// Whether applying the step can drop rows of any split: drop_missing.
bool drops_rows(const FittedStep& step);

/// Whether rows leave the training split that other splits keep: drop_duplicates, and outliers that
/// are dropped.
bool drops_training_rows(const FittedStep& step);
void drop_training_rows(const FittedStep& step, Frame& frame);

}  // namespace convoy
