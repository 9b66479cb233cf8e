#pragma once
// Files that are read as one: the samples of the first, then those of the second...
#include "data/formats/cifar.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/content.hpp"
#include "data/formats/libsvm.hpp"
#include "data/sources/location.hpp"
#include "data/sources/origin.hpp"

namespace convoy {

/// One file or several, all of one format.
struct Input {
  std::string name;  ///< for messages
  std::vector<Content> files;
  Format format = Format::csv;
};

/// Maps the files; `format` as data.format. Throws InputError / DataError; so too when one has
/// another format than the first.
Input open_input(const Located& located, const std::string& format);

/// An array of all samples, and which file each comes from.
struct JoinedArray {
  Array array;
  Origin origin;
};

/// Of one file the array as `parse_array` gives it; of several a copy of them, which must have one
/// type and samples of one shape. Throws InputError / DataError naming the file.
JoinedArray join_arrays(const Input& input);

struct JoinedCifar {
  JoinedArray features;
  Array labels;
  std::int64_t classes = 0;
};
JoinedCifar join_cifar(const Input& input);

struct JoinedLibsvm {
  LibsvmSamples samples;
  Origin origin;
};

/// Without a width in the options, that of the file with the largest index.
JoinedLibsvm join_libsvm(const Input& input, const LibsvmOptions& options);

/// The rows of several files, one after the other. `files` and `parts` are of the same number;
/// reading fills in `origin`, which must outlive the result, as must `parts`.
RowPasses join_rows(const std::vector<RowPasses>& parts, const std::vector<Content>& files,
                    Origin& origin);

}  // namespace convoy
