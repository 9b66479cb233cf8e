#pragma once
// LIBSVM: a sample a line, "label index:value index:value ...", indices ascending from 1, of the
// features that are not zero. `#` begins a comment; `qid:N` after the label counts for nothing.
#include "convoy/data/formats/formats.hpp"
#include "convoy/lanes/lane.hpp"
#include "data/formats/gzip.hpp"

namespace convoy {

struct LibsvmOptions {
  std::int64_t width = 0;       ///< features of a sample; 0: the largest index of the text
  bool label_optional = false;  ///< a line may begin with its first index:value
  bool tolerant = false;        ///< lines that cannot be read end in `bad`
  Range columns;                ///< only these of the `width` features, from 0; empty: all
  std::size_t most_bytes = largest_unpacked;  ///< that the features may take
};

struct LibsvmSamples {
  Array features;              ///< f32 [samples, width]; of bad lines zeros
  std::vector<double> labels;  ///< NaN: none, or a bad line
  std::vector<BadRow> bad;     ///< ascending
};

/// Whether the first line that is not blank or a comment is a label and index:value pairs.
bool is_libsvm(std::string_view text);

/// Throws DataError naming the line.
LibsvmSamples parse_libsvm(std::string_view text, const std::string& name,
                           const LibsvmOptions& options = {});

}  // namespace convoy
