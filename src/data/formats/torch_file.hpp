#pragma once
// Files that torch.save (PyTorch) and torch::save, torch::pickle_save (libtorch) write: a zip
// archive of a pickle, data.pkl, and the bytes of the tensors' storages, data/0, data/1...
// (torch/serialization.py, torch/csrc/jit/serialization/pickler.cpp). Read without libtorch, whose
// own reader trusts what it reads.
#include "convoy/data/formats/formats.hpp"
#include "data/formats/zip_archive.hpp"

namespace convoy {

bool is_torch_archive(const ZipArchive& archive);

/// Whether the bytes begin as files of PyTorch before 1.6 do, which are no zip archives.
bool is_old_torch_file(std::span<const std::byte> bytes);

/// The names of all tensors. Throws DataError.
std::vector<std::string> torch_names(std::span<const std::byte> bytes, const std::string& name);

/// The dense tensor `wanted`: a key of the saved dict, or the number of an element of the saved
/// list or tuple; "a/b" where they are nested. Empty: the only tensor there is. Throws InputError
/// listing the tensors when there is no such one, DataError when the file is damaged or the tensor
/// cannot be read. bfloat16 becomes float32.
Array parse_torch(std::span<const std::byte> bytes, const std::string& name,
                  const std::string& wanted = "");

}  // namespace convoy
