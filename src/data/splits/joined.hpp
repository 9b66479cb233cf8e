#pragma once
// Files that are read as one: the samples of the first, then those of the second...
#include "convoy/data/formats/format.hpp"
#include "data/formats/content.hpp"
#include "data/sources/location.hpp"
#include "data/sources/origin.hpp"

namespace convoy {

/// One file or several, all of one format.
struct Input {
  std::string name;  ///< for messages
  std::vector<Content> files;
  const FormatKind* format = nullptr;
};

/// Maps the files; `format` as data.format. Throws InputError / DataError; so too when one has
/// another format than the first.
Input open_input(const Located& located, const std::string& format);

/// An array of all samples, and which file each comes from.
struct JoinedArray {
  Array array;
  Origin origin;
};

/// Of one file the array as its format gives it; of several a copy of them, which must have one
/// type and samples of one shape. Throws InputError / DataError naming the file.
JoinedArray join_arrays(const Input& input);

struct JoinedSamples {
  Samples samples;
  Origin origin;
};

/// The same of features and target together. Without a width in the options, sparse ones get that
/// of the file with the largest index.
JoinedSamples join_samples(const Input& input, const SampleOptions& options);

}  // namespace convoy
