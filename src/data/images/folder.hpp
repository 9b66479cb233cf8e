#pragma once
// A folder of images as an array of samples, decoded once and kept in the cache.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/options.hpp"

namespace convoy {

/// The images below a folder, in byte order of their paths.
struct ImageFolder {
  std::filesystem::path folder;
  std::vector<std::string> files;    ///< below the folder, with '/'
  std::vector<std::string> classes;  ///< sorted; empty: the images have no classes
  std::vector<std::int32_t> labels;  ///< by file, into `classes`
};

/// Finds .jpg, .jpeg and .png files (in capitals too), whatever else there is. With `by_class` the
/// class of an image is the folder right below `folder` that it is in, at any depth; an image in no
/// such folder is an error, unless `class_optional`: then no image has a class. Names that begin
/// with a dot are left out. Throws DataError.
ImageFolder find_images(const std::filesystem::path& folder, bool by_class, bool class_optional);

/// Decoded images, [n, channels, height, width] bytes, mapped from the cache; those that cannot be
/// decoded are black, and named in `bad`.
struct DecodedImages {
  Array samples;
  std::vector<BadRow> bad;  ///< ascending
};

/// Decodes all images with as many threads as there are cores, unless the cache has them. `check`
/// is called with each file's path before it is read. Which images they are is told by their paths,
/// sizes and times of change. Several processes that want the same: one decodes, the others wait. A
/// damaged copy in the cache is made anew. Throws DataError (images of several sizes where
/// `options` give none), IoError (no room in the cache).
DecodedImages decode_images(const ImageFolder& images, const ImageOptions& options,
                            const std::function<void(const std::filesystem::path&)>& check);

}  // namespace convoy
