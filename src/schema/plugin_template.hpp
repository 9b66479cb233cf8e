#pragma once
// What `convoy init --plugin` writes: examples/plugin.
#include <filesystem>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// Writes a plugin that builds and has a test into `folder`, which is made where it is missing.
/// Throws InputError where it is no folder, or has something in it.
void write_plugin_template(const std::filesystem::path& folder);

}  // namespace convoy

#pragma GCC visibility pop
