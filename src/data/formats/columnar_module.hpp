#pragma once
// The component that reads and writes Parquet and Arrow files: a shared object, loaded when it is
// first needed.
#include <string>

#include "data/formats/columnar_component.hpp"

namespace convoy {

/// Where it may be, several places with ':' between them; empty where Convoy was built without.
/// Written by the build (cmake/arrow.cmake).
extern const char* const columnar_module_places;

/// Throws InputError that begins with `what` ("x.parquet is Parquet") and says how to get it, when
/// there is none or it cannot be loaded. It is looked for at $CONVOY_ARROW_MODULE, beside the
/// installed command, then where it was built.
const columnar::Component& columnar_component(const std::string& what);

/// A message of Arrow's as one line of text.
std::string one_line(const std::string& message);

}  // namespace convoy
