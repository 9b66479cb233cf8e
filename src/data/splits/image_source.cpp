// A folder of images as the samples of a split.
#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/images/folder.hpp"
#include "data/splits/source.hpp"

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

/// Fills in the array, and the target where the folder is given as `file`: the images' classes.
void read_images(SourceRequest& request) {
  auto& [source, located, files, options, resolve] = request;
  const std::filesystem::path& folder = located.files[0].file;
  if (!std::filesystem::is_directory(folder)) {
    throw DataError(folder.string(), std::filesystem::exists(folder)
                                         ? "is a file; images are given as the folder they are in"
                                         : "does not exist");
  }
  source.file = folder.string();
  const ImageFolder images = find_images(folder, !files.file.empty(), options.target_optional);
  if (!images.classes.empty()) source.target = classes_of(images);
  const Resolve& check = resolve;
  DecodedImages decoded = decode_images(images, image_options(options),
                                        [&check](const auto& path) { check(path.string()); });
  if (!decoded.bad.empty() && !options.skip()) throw InputError(decoded.bad[0].problem);
  source.bad.add(decoded.bad);
  source.array = std::move(decoded.samples);
  source.rows = source.array->rows();
}

FormatKind images_kind() {
  FormatKind kind;
  kind.name = "images";
  kind.doc =
      "a folder of images (.jpg, .jpeg, .png), in the order of their paths; the folder right below "
      "it that an image is in is its class";
  kind.title = "images";
  kind.guarantees = {.columns = false};
  kind.holds = Holds::folder;
  kind.whole = read_images;
  kind.folder = [](const std::filesystem::path&) { return Likeness::rest; };
  return kind;
}

const schema::Registered images_format(formats(), images_kind());

}  // namespace
}  // namespace convoy
