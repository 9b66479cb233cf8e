#include "convoy/data/preprocess_options.hpp"

#include "convoy/schema/items.hpp"

namespace convoy::schema {
namespace {

void columns(Visitor& v, PreprocessStep& o) {
  v.key("columns", o.columns, any(),
        "tables: which columns; empty: every column that the step fits");
}

void per(Visitor& v, PreprocessStep& o) {
  v.key("per", o.per, choice({"feature", "all", "channel"}),
        "what shares a statistic: each feature has its own, one for all, or one per channel (first "
        "dimension)");
}

void error(Visitor& v, PreprocessStep& o) {
  v.key("error", o.error, between(0, 0.1),
        "values are counted within this part of themselves, which takes memory for few different "
        "ones ([bounded memory](preprocessing.md#in-bounded-memory)); 0: exactly");
}

void range(Visitor& v, PreprocessStep& o, std::string_view low, std::string_view high) {
  v.key("low", o.low, any(), low);
  v.key("high", o.high, any(), high);
}

/// A step of which only the columns can be chosen.
KindOf<PreprocessStep> column_step(std::string_view name, std::string_view doc) {
  return {{name, "columns", doc}, [](Visitor& v, PreprocessStep& o) { columns(v, o); }};
}

/// A step that is fitted for columns, and for elements or channels of arrays.
KindOf<PreprocessStep> grouped_step(std::string_view name, std::string_view doc) {
  return {{name, "columns", doc}, [](Visitor& v, PreprocessStep& o) {
            columns(v, o);
            per(v, o);
            error(v, o);
          }};
}

}  // namespace

std::vector<KindOf<PreprocessStep>> preprocess_kinds() {
  return {
      {{"scale", "by", "divides every value"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("by", o.by, any(), "the divisor; not 0");
         columns(v, o);
       }},
      {{"standardise", "per", "subtracts the mean and divides by the standard deviation"},
       [](Visitor& v, PreprocessStep& o) {
         per(v, o);
         columns(v, o);
       }},
      {{"min_max", "", "maps the smallest value to `low` and the largest to `high`"},
       [](Visitor& v, PreprocessStep& o) {
         range(v, o, "the smallest value afterwards", "the largest value afterwards");
         per(v, o);
         columns(v, o);
       }},
      {{"clip", "", "moves values outside `low` to `high` to the nearer of the two"},
       [](Visitor& v, PreprocessStep& o) {
         range(v, o, "the smallest value allowed", "the largest value allowed");
         columns(v, o);
       }},
      grouped_step("robust", "subtracts the median and divides by the distance of the quartiles"),
      column_step("log", "log(1 + x), for x above -1"),
      grouped_step("box_cox",
                   "the power transformation that makes positive numbers look most normally "
                   "distributed, then standardised"),
      grouped_step("yeo_johnson", "as box_cox, for numbers of any sign"),
      {{"quantile", "output",
        "the part of the training values below each value: any distribution becomes even, or "
        "normal"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("output", o.output, choice({"uniform", "normal"}),
               "uniform: 0 to 1; normal: with mean 0 and deviation 1, at most 5.2 from 0");
         v.key("quantiles", o.quantiles, between(2, 100'000),
               "points of the fitted function, at most as many as there are rows");
         columns(v, o);
         per(v, o);
         error(v, o);
       }},
      {{"pca", "components",
        "replaces columns of a table by their principal components pc1, pc2, ..., or the samples "
        "of arrays by vectors of theirs; scale the columns alike before"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("components", o.components, between(0, 1000),
               "how many, those of most variance; 0: all");
         v.key("whiten", o.whiten, any(), "divide each by its standard deviation");
         columns(v, o);
       }},
      {{"outliers", "method", "finds values that are too far from the others of their column"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("method", o.method, choice({"iqr", "z"}),
               "iqr: beyond the quartiles by more than `limit` times their distance; z: further "
               "than `limit` standard deviations from the mean");
         v.key("limit", o.limit, at_least(0), "0: 1.5 (iqr), 3 (z)");
         v.key("action", o.action, choice({"clip", "missing", "drop"}),
               "moves them to the bound; makes them missing values; or leaves out their rows, in "
               "the training split only");
         columns(v, o);
         error(v, o);
       }},
      column_step("one_hot",
                  "replaces a categorical column by one 0/1 column per category seen in training"),
      column_step("ordinal",
                  "replaces a category by its number, from 0 in sorted order; one not seen in "
                  "training becomes -1"),
      column_step("frequency",
                  "replaces a category by its part of the training rows; one not seen there "
                  "becomes 0"),
      {{"hashing", "width",
        "replaces a categorical column by `width` columns, one of which is 1 or -1: which one is "
        "the category's hash. For many categories, seen in training or not"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("width", o.width, between(1, 10'000).required(), "columns that come out");
         columns(v, o);
       }},
      {{"to_number", "columns", "reads the text of a column as numbers"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("invalid", o.invalid, any(),
               "text that is no number becomes a missing value; without it the job stops");
         columns(v, o);
       }},
      column_step("to_text", "makes categories of the numbers of columns, which must be named"),
      column_step("clean_text",
                  "lower case, no blanks at the ends, one space for several blanks within, no "
                  "control characters"),
      {{"tokens", "tokenizer",
        "text as numbers: each row becomes the numbers of its tokens, then -1 up to the longest "
        "one's length. It is for the only feature column, and for layers on sequences "
        "([text](text.md))"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("tokenizer", o.tokenizer, choice({"word", "byte", "bpe"}),
               "word: the most frequent words, figures and marks, and 0 for all others; byte: the "
               "256 bytes; bpe: byte-pair encoding learnt from the training split");
         v.key("vocabulary", o.vocabulary, between(2, 1 << 24),
               "word, bpe: different tokens at most");
         v.key("length", o.length, between(1, 65'536), "what is beyond so many tokens is cut off");
         columns(v, o);
       }},
      {{"impute", "with", "fills missing values"},
       [](Visitor& v, PreprocessStep& o) {
         v.key("with", o.with, choice({"mean", "median", "mode", "constant"}), "what to fill in");
         v.key("value", o.value, any(), "`with: constant`: the value");
         columns(v, o);
         error(v, o);
       }},
      column_step("drop_missing", "leaves out the rows that miss a value"),
      column_step(
          "drop_duplicates",
          "leaves out rows of the training split that are equal to an earlier one, in these "
          "columns, or in all and the target"),
  };
}

std::vector<KindOf<AugmentStep>> augment_kinds() {
  return {
      {{"flip", "", "mirrors half of the images"},
       [](Visitor& v, AugmentStep& o) {
         v.key("horizontal", o.horizontal, any(), "left and right");
         v.key("vertical", o.vertical, any(), "top and bottom");
       }},
      {{"crop", "padding", "moves the image within a black border and cuts it to its size again"},
       [](Visitor& v, AugmentStep& o) {
         v.key("padding", o.padding, between(0, wide), "by up to so many pixels each way");
       }},
      {{"zoom", "low", "cuts out a part and enlarges it to the whole size"},
       [](Visitor& v, AugmentStep& o) {
         v.key("low", o.low, between(0, 1), "the smallest part of the area");
         v.key("high", o.high, between(0, 1), "the largest part of the area");
       }},
      {{"rotate", "degrees", "turns the image about its centre"},
       [](Visitor& v, AugmentStep& o) {
         v.key("degrees", o.degrees, between(0, 180), "by up to so many, either way");
       }},
      {{"colour", "", "multiplies brightness, contrast and saturation, each by 1 - x to 1 + x"},
       [](Visitor& v, AugmentStep& o) {
         v.key("brightness", o.brightness, between(0, 1), "x of the brightness");
         v.key("contrast", o.contrast, between(0, 1), "x of the distance to the image's mean");
         v.key("saturation", o.saturation, between(0, 1), "x of the distance to grey");
       }},
      {{"erase", "p", "blackens a rectangle (Zhong et al. 2017)"},
       [](Visitor& v, AugmentStep& o) {
         v.key("p", o.p, between(0, 1), "the part of the images that it happens to");
         v.key("high", o.high, between(0, 1), "the largest part of the area");
       }},
  };
}

}  // namespace convoy::schema
