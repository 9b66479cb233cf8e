#include "data/splits/joined.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

std::span<const std::int64_t> sample_shape_of(const Array& array) {
  return std::span(array.shape).subspan(array.shape.empty() ? 0 : 1);
}

/// Throws unless `array` can go on where `first` ends.
void require_same_kind(const Array& array, const std::string& file, const Array& first,
                       const std::string& first_file) {
  const auto shape = sample_shape_of(array);
  const auto expected = sample_shape_of(first);
  if (array.shape.empty()) throw DataError(file, "is a scalar, which has no samples");
  if (array.shape.size() != first.shape.size() || !std::ranges::equal(shape, expected)) {
    throw DataError(file, fmt::format("samples of {} where {} has {}", shape_text(shape),
                                      first_file, shape_text(expected)));
  }
  if (array.type != first.type) {
    throw DataError(file, fmt::format("elements of type {} where {} has {}", name_of(array.type),
                                      first_file, name_of(first.type)));
  }
}

/// Puts arrays of several files together; `parse` gives that of one file.
JoinedArray join(const std::vector<Content>& files, const std::string& name,
                 const std::function<Array(std::size_t)>& parse) {
  JoinedArray joined{{}, name};
  if (files.size() == 1) {
    joined.array = parse(0);
    return joined;
  }
  std::vector<Array> parts;
  std::size_t size = 0;
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    parts.push_back(parse(i));
    require_same_kind(parts[i], files[i].name, parts[0], files[0].name);
    joined.origin.add(files[i].name, parts[i].rows());
    size += parts[i].bytes.size();
    rows += parts[i].rows();
  }
  std::vector<std::byte> bytes;
  bytes.reserve(size);
  joined.array.type = parts[0].type;
  joined.array.shape = parts[0].shape;
  joined.array.shape[0] = rows;
  for (Array& part : parts) {
    bytes.insert(bytes.end(), part.bytes.begin(), part.bytes.end());
    part = {};  // gives back its memory
  }
  const auto owner = own(std::move(bytes));
  joined.array.bytes = *owner;
  joined.array.owner = owner;
  return joined;
}

}  // namespace

Input open_input(const Located& located, const std::string& format) {
  Input input;
  input.name = located.name;
  for (const Location& location : located.files) {
    Content content = read_content(location.file, location.array);
    if (!location.name.empty()) content.name = location.name;
    const FormatKind& found = detect_format(content, format);
    if (input.files.empty()) input.format = &found;
    if (&found != input.format) {
      throw DataError(content.name, fmt::format("is {} where {} is {}", found.title,
                                                input.files[0].name, input.format->title));
    }
    input.files.push_back(content);
  }
  return input;
}

JoinedArray join_arrays(const Input& input) {
  return join(input.files, input.name,
              [&](std::size_t i) { return input.format->array(input.files[i]); });
}

JoinedSamples join_samples(const Input& input, const SampleOptions& options) {
  const FormatKind& format = *input.format;
  std::vector<Samples> parts;
  std::int64_t widest = 0;
  for (const Content& file : input.files) {
    parts.push_back(format.samples(file, options));
    if (format.sparse) widest = std::max(widest, parts.back().features.shape.at(1));
  }
  JoinedSamples joined{{}, input.name};
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (format.sparse && options.width == 0 && parts[i].features.shape.at(1) < widest) {
      SampleOptions wide = options;
      wide.width = widest;
      parts[i] = format.samples(input.files[i], wide);
    }
    Samples& part = parts[i];
    if (static_cast<std::int64_t>(part.labels.size()) != part.features.rows())
      throw DataError(input.files[i].name,
                      "its reader gives other than a label a sample; the "
                      "reader is wrong");
    for (BadRow& row : part.bad) joined.samples.bad.push_back({rows + row.row, row.problem});
    joined.samples.labels.insert(joined.samples.labels.end(), part.labels.begin(),
                                 part.labels.end());
    joined.samples.classes = std::max(joined.samples.classes, part.classes);
    rows += part.features.rows();
  }
  JoinedArray features =
      join(input.files, input.name, [&](std::size_t i) { return std::move(parts[i].features); });
  joined.samples.features = std::move(features.array);
  joined.origin = std::move(features.origin);
  return joined;
}

}  // namespace convoy
