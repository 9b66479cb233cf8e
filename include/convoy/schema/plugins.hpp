#pragma once
// Loading plugins (convoy/plugin.hpp). Not thread-safe: before threads start, and before a job is
// read that names what they bring. No libtorch in this header.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// One that was loaded. It stays until the program ends.
struct Plugin {
  std::string name;
  std::string version;
  std::string file;    ///< from the root on
  std::string sha256;  ///< of the file
};

/// The files in a list as --plugins and CONVOY_PLUGINS have it: "a.so,b.so".
std::vector<std::string> plugin_files(std::string_view list);

/// Loads them in this order; one that is loaded already is left as it is. Throws InputError with
/// one line where a file is no plugin, was built for another Convoy, libtorch or C++ library, lacks
/// something, or registers what cannot be. What came before it stays.
void load_plugins(const std::vector<std::string>& files);

/// Those that are loaded, in the order in which they came.
const std::vector<Plugin>& plugins();

/// What summaries and models keep of them: [{name, version, sha256}, ...]; empty: there are none.
nlohmann::ordered_json plugins_json();

/// " (was made with plugin NAME; load it with --plugins)" of the first in `kept`, which is such a
/// list, that is not loaded now; empty where none is missing, or it is no such list.
std::string missing_plugin(const nlohmann::ordered_json& kept);

}  // namespace convoy

#pragma GCC visibility pop
