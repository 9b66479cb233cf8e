#pragma once
// Whether all workers have the same data.
#include <string>
#include <vector>

#include "convoy/data/preprocess_options.hpp"
#include "data/formats/content.hpp"
#include "data/splits/source.hpp"
#include "data/splits/split.hpp"

namespace convoy {

/// Something about the data that must be the same everywhere, as a person would say it.
struct Trait {
  std::string what;   ///< "train: samples"
  std::string value;  ///< "60000"
};

/// Appends traits of one split's files: number of samples, shape and type or columns, and a
/// checksum: of all that was parsed, or, of the bytes of an array, of the first and last 64 KiB and
/// 64 pages spread evenly (reading gigabytes once more would take longer than it is worth).
void add_traits(const std::string& split, const Source& source, std::vector<Trait>& traits);

/// The checksum that add_traits takes of an array's bytes.
std::string array_checksum(std::span<const std::byte> bytes);

/// A checksum of all bytes of the files.
std::string text_checksum(const std::vector<Content>& files);

/// Appends the values that samples are partitioned by.
void add_traits(const Column& values, std::vector<Trait>& traits);

/// A checksum of a column's values.
std::string values_checksum(const Column& values);

/// How many, and a checksum of which: "3 (0f...)", "0" for none.
std::string bad_samples_text(const BadSamples& bad);

/// Appends which rows are in which split, and the steps: what decides the sequence of messages
/// while fitting.
void add_traits(const SplitRows& rows, const std::vector<PreprocessStep>& steps,
                std::vector<Trait>& traits);

/// Traits and this machine's name as text (JSON), to be compared with those of the other workers by
/// require_same_data of convoy/data/load.hpp.
std::string fingerprint_text(const std::vector<Trait>& traits);

}  // namespace convoy
