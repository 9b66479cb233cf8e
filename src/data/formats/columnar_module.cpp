#include "data/formats/columnar_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

struct LoadedComponent {
  const columnar::Component* component = nullptr;
  std::string problem;  // why there is none; empty: Convoy was built without
};

std::vector<std::string> component_places() {
  if (const char* named = std::getenv("CONVOY_ARROW_MODULE"); named && *named) return {named};
  std::vector<std::string> places;
  std::istringstream built(columnar_module_places);
  std::error_code unknown;
  const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
  for (std::string place; std::getline(built, place, ':');) {
    // What is relative is so to the folder of the command.
    places.push_back(place.starts_with('/') ? place : (program.parent_path() / place).string());
  }
  return places;
}

/// Its symbols stay its own: libparquet shows an OpenSSL that others must not get.
LoadedComponent load_component_at(const std::string& place) {
  void* const library = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {nullptr, ::dlerror()};
  const auto function =
      reinterpret_cast<columnar::ComponentFunction>(::dlsym(library, columnar::component_symbol));
  if (function == nullptr) return {nullptr, fmt::format("{} is no component of Convoy", place)};
  const columnar::Component* const component = function();
  if (component->version != columnar::component_version) {
    return {nullptr, fmt::format("{} is of another version of Convoy", place)};
  }
  return {component, ""};
}

LoadedComponent load_component() {
  LoadedComponent loaded;
  const std::vector<std::string> places = component_places();
  for (const std::string& place : places) {
    std::error_code unknown;
    if (!fs::exists(place, unknown)) continue;
    loaded = load_component_at(place);
    if (loaded.component) return loaded;
  }
  if (loaded.problem.empty() && !places.empty())
    loaded.problem = fmt::format("there is no {}", places.back());
  return loaded;
}

}  // namespace

std::string one_line(const std::string& message) {
  constexpr std::size_t longest = 300;
  std::string line = message.substr(0, message.find('\n'));
  if (line.size() > longest) line = line.substr(0, longest) + "...";
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return is_utf8(line) ? line : "its description is not text";
}

const columnar::Component& columnar_component(const std::string& what) {
  static const LoadedComponent loaded = load_component();
  if (loaded.component) return *loaded.component;
  if (loaded.problem.empty()) {
    throw InputError(
        fmt::format("{}, which needs Arrow, and this convoy was built without; build it with "
                    "CONVOY_ARROW=ON (docs/parquet.md)",
                    what));
  }
  throw InputError(fmt::format("{}, which needs Arrow, and that cannot be loaded: {}", what,
                               one_line(loaded.problem)));
}

}  // namespace convoy
