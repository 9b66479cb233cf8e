#pragma once
// HDF5 (https://docs.hdfgroup.org/hdf5/v1_10/), read with libhdf5. Where a dataset lies in one
// piece and in this machine's byte order, the array is a view of the file.
#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// The signature stands at the beginning, or at byte 512, 1024, 2048...
bool is_hdf5(std::span<const std::byte> bytes);

/// The paths of all datasets. Throws DataError.
std::vector<std::string> hdf5_names(std::span<const std::byte> bytes, const std::string& name);

/// The dataset `wanted`, a path with or without the first '/'; empty: the only one. Integers of 1,
/// 2, 4 or 8 bytes and floats keep their type as far as ElementType has it, booleans become u8,
/// other floats the next larger type. Throws InputError listing the datasets when there is no such
/// one, DataError when the file is damaged or the dataset cannot be read: text, compounds;
/// compression other than gzip; elements in other files. libhdf5 is known to crash on damaged
/// files, so it runs in a process of its own (data/formats/apart).
Array parse_hdf5(std::span<const std::byte> bytes, const std::string& name,
                 const std::string& wanted = "", std::shared_ptr<const void> owner = {});

}  // namespace convoy
