#pragma once
// NPZ: a zip archive whose members are NPY files
// (https://numpy.org/doc/stable/reference/generated/numpy.savez.html).
#include "convoy/data/formats/formats.hpp"
#include "data/formats/zip_archive.hpp"

namespace convoy {

/// The names of the arrays, without ".npy", in the order of the archive.
std::vector<std::string> npz_names(const ZipArchive& archive);

/// The array `wanted`, with or without ".npy"; empty: the only one. Throws InputError listing the
/// arrays when there is no such one, DataError when the archive is damaged.
Array parse_npz(std::span<const std::byte> bytes, const std::string& name,
                const std::string& wanted = "");

}  // namespace convoy
