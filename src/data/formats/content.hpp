#pragma once
// Files, opened, and of which format they are.
#include <filesystem>
#include <string>
#include <vector>

#include "convoy/data/formats/format.hpp"

namespace convoy {

/// Throws DataError when the file cannot be read.
Content read_content(const std::filesystem::path& path, std::string array = {});

/// From `format` (the job's data.format) or, for "auto", from the file's name and content. Throws
/// DataError when neither tells, InputError when an array is named in what is no archive.
const FormatKind& detect_format(const Content& content, const std::string& format);

/// The format that takes the reading of a whole path upon itself: `format` (data.format) where it
/// is such a one, or what a folder is; null: the path is of files.
const FormatKind* whole_format(const std::filesystem::path& path, const std::string& format);

/// What an archive holds; nothing for a file of another format. Throws DataError.
std::vector<std::string> array_names(const Content& content, const FormatKind& format);

}  // namespace convoy
