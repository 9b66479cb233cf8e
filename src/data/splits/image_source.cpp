#include "data/splits/image_source.hpp"

#include "convoy/core/error.hpp"
#include "data/images/folder.hpp"

namespace convoy {
namespace {

constexpr const char* class_column = "class";

/// What is read later becomes as large as what was trained on.
ImageOptions image_options(const SourceOptions& options) {
  ImageOptions images = options.data.images;
  if (options.roles != nullptr && options.roles->shape.size() == 3) {
    images.channels = options.roles->shape[0];
    images.height = options.roles->shape[1];
    images.width = options.roles->shape[2];
  }
  return images;
}

RawTarget classes_of(const ImageFolder& images) {
  RawTarget target;
  target.file = Origin(images.folder.string());
  Column& column = target.columns.emplace_back();
  column.name = class_column;
  column.categorical = true;
  column.codes = images.labels;
  column.categories = images.classes;
  return target;
}

}  // namespace

void read_images(Source& source, const Located& located, const DataFiles& files,
                 const SourceOptions& options, const Resolve& resolve) {
  const std::filesystem::path& folder = located.files[0].file;
  if (!std::filesystem::is_directory(folder)) {
    throw DataError(folder.string(), std::filesystem::exists(folder)
                                         ? "is a file; images are given as the folder they are in"
                                         : "does not exist");
  }
  source.file = folder.string();
  const ImageFolder images = find_images(folder, !files.file.empty(), options.target_optional);
  if (!images.classes.empty()) source.target = classes_of(images);
  DecodedImages decoded = decode_images(images, image_options(options),
                                        [&](const auto& path) { resolve(path.string()); });
  if (!decoded.bad.empty() && !options.skip()) throw InputError(decoded.bad[0].problem);
  source.bad.add(decoded.bad);
  source.array = std::move(decoded.samples);
  source.rows = source.array->rows();
}

}  // namespace convoy
