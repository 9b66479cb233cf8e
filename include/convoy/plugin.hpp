#pragma once
// A plugin: a shared object that registers optimizers, layers, formats ... (schema/registry.hpp)
// with `convoy --plugins FILE.so`. One line in one of its sources says what it is:
//
//   CONVOY_PLUGIN("lion", "1.0")
//
// It becomes a text in the file that says what the plugin was built for. Convoy reads it before it
// loads the file, for what was built for another libtorch or Convoy would crash.
#include <torch/headeronly/version.h>

#include <cstddef>

#include "convoy/core/export.hpp"
#include "convoy/core/version.hpp"

#define CONVOY_TEXT_OF(x) #x
#define CONVOY_TEXT(x) CONVOY_TEXT_OF(x)

/// What plugin and Convoy must agree about, a line each: "WHAT=VALUE".
#define CONVOY_PLUGIN_ABI \
  "convoy=" CONVOY_VERSION "\n"                                                                  \
  "libtorch=" CONVOY_TEXT(TORCH_VERSION_MAJOR) "." CONVOY_TEXT(TORCH_VERSION_MINOR) "\n"         \
  "libstdc++ ABI=" CONVOY_TEXT(_GLIBCXX_USE_CXX11_ABI) "\n"                                      \
  "bytes of a pointer=" CONVOY_TEXT(__SIZEOF_POINTER__) "\n"

/// At global scope. `name` and `version`: literals of one line. Weak: a program may be made of
/// several such sources.
#define CONVOY_PLUGIN(name, version)                                         \
  extern "C" {                                                               \
  CONVOY_EXPORT __attribute__((weak)) extern const char convoy_plugin_tag[]; \
  const char convoy_plugin_tag[] =                                           \
      "convoy-plugin-tag:1\n"                                                \
      "name=" name                                                           \
      "\n"                                                                   \
      "version=" version "\n" CONVOY_PLUGIN_ABI;                             \
  }
