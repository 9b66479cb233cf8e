#include "data/formats/file_names.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace convoy {
namespace {

constexpr std::pair<std::string_view, std::string_view> endings[] = {
    {".npy", "npy"},         {".npz", "npz"},         {".h5", "hdf5"},       {".hdf5", "hdf5"},
    {".pt", "pt"},           {".pth", "pt"},          {".csv", "csv"},       {".tsv", "tsv"},
    {".jsonl", "jsonl"},     {".ndjson", "jsonl"},    {".libsvm", "libsvm"}, {".svm", "libsvm"},
    {".svmlight", "libsvm"}, {".parquet", "parquet"}, {".pq", "parquet"},    {".arrow", "arrow"},
    {".arrows", "arrow"},    {".feather", "arrow"},   {".ipc", "arrow"}};

}  // namespace

std::string_view format_of_name(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".zst")) name.resize(name.size() - 4);
  for (const auto& [ending, format] : endings) {
    if (name.ends_with(ending)) return format;
  }
  return {};
}

}  // namespace convoy
