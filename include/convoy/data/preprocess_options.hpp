#pragma once
// What is done to samples before a network gets them, and the options of Convoy's own steps. No
// libtorch in this header.
#include <cstdint>
#include <string>
#include <vector>

#include "convoy/schema/any_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// One of preprocess_steps() (convoy/data/preprocess/step.hpp) with its options, such as
/// PreprocessStep{"standardise", StandardiseOptions{.per = "all"}}.
using PreprocessStep = schema::OneOf;

/// One of augmentations() (convoy/data/images/augment.hpp) with its options: a change at random of
/// each training image, anew each time it is seen.
using AugmentStep = schema::OneOf;

// In all of these `columns`, of tables: which; empty: every column that the step fits. `per`: what
// shares a statistic: feature (each has its own), all, or channel (of arrays: the first dimension).
// `error`: values are counted within this part of themselves; 0: exactly.

/// log, one_hot, ordinal, frequency, clean_text, drop_missing, drop_duplicates, and to_text, whose
/// columns must be named.
struct ColumnOptions {
  std::vector<std::string> columns;
};

/// robust, box_cox, yeo_johnson.
struct CountedOptions {
  std::vector<std::string> columns;
  std::string per = "feature";
  double error = 0;
};

struct ScaleOptions {
  double by = 1;  ///< the divisor
  std::vector<std::string> columns;
};

struct StandardiseOptions {
  std::string per = "feature";
  std::vector<std::string> columns;
};

struct MinMaxOptions {
  double low = 0;   ///< what the smallest value becomes
  double high = 1;  ///< what the largest becomes
  std::string per = "feature";
  std::vector<std::string> columns;
};

/// clip: what is outside moves to the nearer bound.
struct ClipStepOptions {
  double low = 0;
  double high = 1;
  std::vector<std::string> columns;
};

struct QuantileOptions {
  std::string output = "uniform";  ///< uniform | normal
  std::int64_t quantiles = 1000;   ///< points of the fitted function
  std::vector<std::string> columns;
  std::string per = "feature";
  double error = 0;
};

struct PcaOptions {
  std::int64_t components = 0;  ///< 0: all
  bool whiten = true;           ///< divide each by its standard deviation
  std::vector<std::string> columns;
};

struct OutliersOptions {
  std::string method = "iqr";   ///< iqr | z
  double limit = 0;             ///< how far is too far; 0: 1.5 (iqr), 3 (z)
  std::string action = "clip";  ///< clip | missing | drop
  std::vector<std::string> columns;
  double error = 0;
};

struct HashingOptions {
  std::int64_t width = 0;  ///< columns that come out
  std::vector<std::string> columns;
};

struct ToNumberOptions {
  bool invalid = false;  ///< text that is no number becomes missing; else it stops the job
  std::vector<std::string> columns;
};

struct TokensOptions {
  std::string tokenizer = "word";  ///< word | byte | bpe
  std::int64_t vocabulary = 8192;  ///< different tokens at most
  std::int64_t length = 256;       ///< of a sample at most
  std::vector<std::string> columns;
};

struct ImputeOptions {
  std::string with = "mean";  ///< mean | median | mode | constant
  double value = 0;           ///< constant
  std::vector<std::string> columns;
  double error = 0;
};

/// flip: each with probability 1/2.
struct FlipOptions {
  bool horizontal = true;
  bool vertical = false;
};

/// crop: so many black pixels around the image, cut to its size again.
struct CropOptions {
  std::int64_t padding = 4;
};

/// zoom: a random part (of the area) is cut out and enlarged.
struct ZoomOptions {
  double low = 0.5;
  double high = 1;
};

/// rotate: by up to so many, either way.
struct RotateOptions {
  double degrees = 15;
};

/// colour: each by a factor of 1 - x to 1 + x.
struct ColourOptions {
  double brightness = 0.2;
  double contrast = 0.2;
  double saturation = 0.2;
};

/// erase: with probability p a rectangle of up to this part of the area gets black.
struct EraseOptions {
  double p = 0.5;
  double high = 1;
};

void describe(schema::Visitor& v, ColumnOptions& o);
void describe(schema::Visitor& v, CountedOptions& o);
void describe(schema::Visitor& v, ScaleOptions& o);
void describe(schema::Visitor& v, StandardiseOptions& o);
void describe(schema::Visitor& v, MinMaxOptions& o);
void describe(schema::Visitor& v, ClipStepOptions& o);
void describe(schema::Visitor& v, QuantileOptions& o);
void describe(schema::Visitor& v, PcaOptions& o);
void describe(schema::Visitor& v, OutliersOptions& o);
void describe(schema::Visitor& v, HashingOptions& o);
void describe(schema::Visitor& v, ToNumberOptions& o);
void describe(schema::Visitor& v, TokensOptions& o);
void describe(schema::Visitor& v, ImputeOptions& o);
void describe(schema::Visitor& v, FlipOptions& o);
void describe(schema::Visitor& v, CropOptions& o);
void describe(schema::Visitor& v, ZoomOptions& o);
void describe(schema::Visitor& v, RotateOptions& o);
void describe(schema::Visitor& v, ColourOptions& o);
void describe(schema::Visitor& v, EraseOptions& o);

// What steps with columns have in common. `per` and `error` are options of a step that is fitted
// for columns, and for elements or channels of arrays.
void describe_columns(schema::Visitor& v, std::vector<std::string>& columns);
void describe_per(schema::Visitor& v, std::string& per);
void describe_error(schema::Visitor& v, double& error);

}  // namespace convoy

#pragma GCC visibility pop
