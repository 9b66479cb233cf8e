#include "paths.hpp"

namespace convoy::testing {

std::string program_path() {
  return CONVOY_PROGRAM;
}
std::string source_folder() {
  return CONVOY_SOURCE_DIR;
}

}  // namespace convoy::testing
