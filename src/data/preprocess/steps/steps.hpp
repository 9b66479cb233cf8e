#pragma once
// Each family of steps on tables: fitting and applying. What holds for fit_steps (table_pipeline)
// holds for all: fitting is collective, and what it decides depends on all workers' rows.
#include "convoy/core/peers.hpp"
#include "data/preprocess/frame.hpp"
#include "data/preprocess/preprocess.hpp"
#include "data/preprocess/training_rows.hpp"

namespace convoy::steps {

// numbers.cpp: scale, standardise, min_max, clip, robust, log, box_cox, yeo_johnson, quantile
FittedStep fit_numbers(const PreprocessStep& step, TrainingRows& rows, Peers* peers);
void apply_numbers(const FittedStep& step, Frame& frame);

// missing.cpp: impute and drop_missing
FittedStep fit_impute(const PreprocessStep& step, TrainingRows& rows, Peers* peers);
void apply_impute(const FittedStep& step, Frame& frame);
void apply_drop_missing(const FittedStep& step, Frame& frame);

// rows.cpp: outliers and drop_duplicates. Rows leave the training split only; what is to be
// predicted or measured stays whole.
FittedStep fit_outliers(const PreprocessStep& step, TrainingRows& rows, Peers* peers);
void apply_outliers(const FittedStep& step, Frame& frame);
void drop_outliers(const FittedStep& step, Frame& frame);
void drop_duplicates(const FittedStep& step, Frame& frame);

// encode.cpp: one_hot, ordinal, frequency, hashing
FittedStep fit_encoding(const PreprocessStep& step, TrainingRows& rows, Peers* peers);
void apply_encoding(const FittedStep& step, Frame& frame);

// text.cpp: to_number, to_text, clean_text. Nothing is fitted but the columns.
FittedStep fit_text(const PreprocessStep& step, Frame& frame);
void apply_text(const FittedStep& step, Frame& frame);

// tokens.cpp. The text's column becomes `width` columns: numbers of tokens, then -1.
FittedStep fit_tokens(const PreprocessStep& step, TrainingRows& rows, Peers* peers);
void apply_tokens(const FittedStep& step, Frame& frame);

// pca.cpp
FittedStep fit_pca(const PreprocessStep& step, TrainingRows& rows, Peers* peers);
void apply_pca(const FittedStep& step, Frame& frame);

}  // namespace convoy::steps
