#pragma once
// What is done to samples before a network gets them. No libtorch in this header.
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// One preprocessing step. `kind` is the YAML key of the list item; which other members count
/// depends on it.
///   scale {by, columns}         x / by
///   standardise {per, columns}  (x - mean) / standard deviation of the training split
///   min_max {low, high, per, columns}
///   clip {low, high, columns}
///   one_hot {columns}           categorical column -> one 0/1 column per category seen in
///                               training (all zeros for others)
///   impute {with, value, columns}  with: mean, median, mode, constant
///   drop_missing {columns}      rows with a missing value leave their split
struct PreprocessStep {
  std::string kind;
  std::vector<std::string> columns;  ///< tabular: which columns; empty: every column the step fits
  std::string per =
      "feature";  ///< feature | all (one statistic over all elements) | channel (first dimension)
  double by = 1;
  double low = 0;
  double high = 1;
  std::string with = "mean";
  double value = 0;
  std::string method = "iqr";      ///< outliers: iqr | z
  double limit = 0;                ///< outliers: how far is too far; 0: 1.5 (iqr), 3 (z)
  std::string action = "clip";     ///< outliers: clip | missing | drop
  std::int64_t width = 0;          ///< hashing: columns that come out
  double error = 0;                ///< steps that count values: within this part of each; 0: exact
  std::string output = "uniform";  ///< quantile: uniform | normal
  std::int64_t quantiles = 1000;   ///< quantile: points of the fitted function
  std::int64_t components = 0;     ///< pca: 0: all
  bool whiten = true;              ///< pca
  bool invalid =
      false;  ///< to_number: text that is no number becomes missing; else it stops the job
  std::string tokenizer = "word";  ///< tokens: word | byte | bpe
  std::int64_t vocabulary = 8192;  ///< tokens: different tokens at most
  std::int64_t length = 256;       ///< tokens: of a sample at most
};

/// One change at random of each training image, anew each time it is seen. `kind` is the YAML key
/// of the list item.
///   flip {horizontal, vertical}            each with probability 1/2
///   crop {padding}                         `padding` black pixels around it, cut to its size again
///   zoom {low, high}                       a random part (of the area) is cut out and enlarged
///   rotate {degrees}                       by up to so many, either way
///   colour {brightness, contrast, saturation}  each by a factor of 1 - x to 1 + x
///   erase {p, high}                        a rectangle of up to this part of the area gets black
struct AugmentStep {
  std::string kind;
  bool horizontal = true;
  bool vertical = false;
  std::int64_t padding = 4;
  double low = 0.5;
  double high = 1;
  double degrees = 15;
  double brightness = 0.2;
  double contrast = 0.2;
  double saturation = 0.2;
  double p = 0.5;
};

namespace schema {

class Visitor;
template <class T>
struct KindOf;

std::vector<KindOf<PreprocessStep>> preprocess_kinds();
std::vector<KindOf<AugmentStep>> augment_kinds();

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
