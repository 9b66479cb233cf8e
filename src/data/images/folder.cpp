#include "data/images/folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

bool has_image_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

/// Whether it is another name of something that is in the folder anyway.
bool is_alias(const fs::directory_entry& entry, const fs::path& whole_folder) {
  if (!entry.is_symlink()) return false;
  const std::string target = fs::weakly_canonical(entry.path()).string();
  return target.starts_with(whole_folder.string() + "/");
}

std::vector<std::string> image_files(const fs::path& folder) {
  std::vector<std::string> files;
  try {
    const fs::path whole_folder = fs::weakly_canonical(folder);
    for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::end(entry); ++entry) {
      if (entry->path().filename().string().starts_with('.')) {
        if (entry->is_directory()) entry.disable_recursion_pending();
        continue;
      }
      if (has_image_name(entry->path()) && entry->is_regular_file() &&
          !is_alias(*entry, whole_folder))
        files.push_back(entry->path().lexically_relative(folder).generic_string());
    }
  } catch (const fs::filesystem_error& error) {
    throw DataError(folder.string(), fmt::format("cannot be read: {}", error.code().message()));
  }
  if (files.empty())
    throw DataError(folder.string(), "holds no images (.jpg, .jpeg or .png), at any depth");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

ImageFolder find_images(const fs::path& folder, bool by_class, bool class_optional) {
  ImageFolder images{folder, image_files(folder), {}, {}};
  if (!by_class) return images;
  for (const std::string& file : images.files) {
    const std::size_t slash = file.find('/');
    if (slash == std::string::npos) {
      if (class_optional) return {folder, images.files, {}, {}};
      throw DataError(folder.string(),
                      fmt::format("{} is in no folder of a class; move it into one, named as its "
                                  "class, or give the folder as `features` with a file of `labels`",
                                  in_quotes(file)));
    }
    images.classes.push_back(file.substr(0, slash));
  }
  std::vector<std::string> by_file = images.classes;
  std::sort(images.classes.begin(), images.classes.end());
  images.classes.erase(std::unique(images.classes.begin(), images.classes.end()),
                       images.classes.end());
  for (const std::string& name : by_file) {
    const auto found = std::lower_bound(images.classes.begin(), images.classes.end(), name);
    images.labels.push_back(static_cast<std::int32_t>(found - images.classes.begin()));
  }
  return images;
}

}  // namespace convoy
