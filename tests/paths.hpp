#pragma once
// Where this build's program and its sources are. Functions, so that no test's compilation depends
// on the checkout's place.
#include <string>

namespace convoy::testing {

std::string program_path();   ///< the built command
std::string source_folder();  ///< the checkout

}  // namespace convoy::testing
