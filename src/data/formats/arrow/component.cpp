// The component's one visible function.
#include <arrow/util/config.h>

#include "data/formats/arrow/batch_file.hpp"

namespace convoy::columnar {
namespace {

std::unique_ptr<File> open(std::span<const std::byte> bytes, Storage storage) {
  return storage == Storage::parquet ? open_parquet(bytes) : open_ipc(bytes, storage);
}

constexpr Component component{component_version, ARROW_VERSION_STRING, open, write_parquet};

}  // namespace
}  // namespace convoy::columnar

extern "C" __attribute__((visibility("default"))) const convoy::columnar::Component*
convoy_columnar_component() {
  return &convoy::columnar::component;
}
