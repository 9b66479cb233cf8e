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
    const Format found = detect_format(content, format);
    if (input.files.empty()) input.format = found;
    if (found != input.format) {
      throw DataError(content.name, fmt::format("is {} where {} is {}", name_of(found),
                                                input.files[0].name, name_of(input.format)));
    }
    input.files.push_back(content);
  }
  return input;
}

JoinedArray join_arrays(const Input& input) {
  return join(input.files, input.name,
              [&](std::size_t i) { return parse_array(input.files[i], input.format); });
}

JoinedCifar join_cifar(const Input& input) {
  const Cifar kind = input.format == Format::cifar10 ? Cifar::ten : Cifar::hundred;
  std::vector<CifarSamples> parts;
  for (const Content& file : input.files) parts.push_back(parse_cifar(file.bytes, file.name, kind));
  const auto take = [&](Array CifarSamples::*member) {
    return join(input.files, input.name,
                [&](std::size_t i) { return std::move(parts[i].*member); });
  };
  JoinedCifar joined;
  joined.features = take(&CifarSamples::features);
  joined.labels = take(&CifarSamples::labels).array;
  joined.classes = classes_of(kind);
  return joined;
}

JoinedLibsvm join_libsvm(const Input& input, const LibsvmOptions& options) {
  std::vector<LibsvmSamples> parts;
  const auto parse = [&](std::size_t i, std::int64_t width) {
    LibsvmOptions own_options = options;
    own_options.width = width;
    return parse_libsvm(input.files[i].text(), input.files[i].name, own_options);
  };
  std::int64_t widest = options.width;
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    parts.push_back(parse(i, options.width));
    widest = std::max(widest, parts[i].features.shape[1]);
  }
  JoinedLibsvm joined{{}, input.name};
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (options.width == 0 && parts[i].features.shape[1] < widest) parts[i] = parse(i, widest);
    for (BadRow& row : parts[i].bad) joined.samples.bad.push_back({rows + row.row, row.problem});
    joined.samples.labels.insert(joined.samples.labels.end(), parts[i].labels.begin(),
                                 parts[i].labels.end());
    rows += parts[i].features.rows();
  }
  JoinedArray features =
      join(input.files, input.name, [&](std::size_t i) { return std::move(parts[i].features); });
  joined.samples.features = std::move(features.array);
  joined.origin = std::move(features.origin);
  return joined;
}

RowPasses join_rows(const std::vector<RowPasses>& parts, const std::vector<Content>& files,
                    Origin& origin) {
  RowPasses joined;
  joined.count = [&parts](const MissingSpellings& missing, std::vector<KindCounts>& counts) {
    for (const RowPasses& part : parts) part.count(missing, counts);
  };
  joined.read = [&](const MissingSpellings& missing, std::vector<ColumnBuilder>& columns,
                    std::vector<BadRow>* bad, const RowDone& done) {
    std::int64_t rows = 0;
    origin = Origin(origin.name());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::size_t first_bad = bad ? bad->size() : 0;
      const std::int64_t own_rows = parts[i].read(missing, columns, bad, done);
      for (std::size_t b = first_bad; bad && b < bad->size(); ++b) (*bad)[b].row += rows;
      if (parts.size() > 1) origin.add(files[i].name, own_rows);
      rows += own_rows;
    }
    return rows;
  };
  return joined;
}

}  // namespace convoy
