#include "convoy/schema/plugins.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/plugin.hpp"
#include "convoy/schema/registry.hpp"
#include "schema/quote.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::vector<Plugin>& loaded_plugins() {
  static std::vector<Plugin> all;
  return all;
}

[[noreturn]] void plugin_fails(const std::string& file, const std::string& problem) {
  throw InputError(fmt::format("plugin {}: {}", file, problem));
}

// The text that CONVOY_PLUGIN made, of the bytes of a file.
std::string_view tag_in(std::string_view content) {
  const std::string begin = std::string("convoy-plugin") + "-tag:1\n";  // apart: this is no plugin
  const auto at = content.find(begin);
  if (at == content.npos) return {};
  content.remove_prefix(at + begin.size());
  return content.substr(0, content.find('\0'));
}

// The value of a line "WHAT=VALUE" of a tag; empty: there is none.
std::string line_of(std::string_view tag, std::string_view what) {
  while (!tag.empty()) {
    const std::string_view line = tag.substr(0, tag.find('\n'));
    tag.remove_prefix(std::min(tag.size(), line.size() + 1));
    if (line.size() > what.size() && line.starts_with(what) && line[what.size()] == '=')
      return std::string(line.substr(what.size() + 1));
  }
  return {};
}

void require_same_abi(const std::string& file, std::string_view tag) {
  for (const char* what : {"convoy", "libtorch", "libstdc++ ABI", "bytes of a pointer"}) {
    const std::string theirs = line_of(tag, what);
    const std::string ours = line_of(CONVOY_PLUGIN_ABI, what);
    if (theirs == ours) continue;
    const std::string_view name = std::string_view(what) == "convoy" ? "Convoy" : what;
    plugin_fails(file, fmt::format("was built for {} {}, and this is {}; build it anew", name,
                                   theirs.empty() ? "of an unknown version" : theirs, ours));
  }
}

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : symbol;
}

// What the loader says, in words: it names a symbol as the linker does, and files by themselves.
std::string loader_problem(const std::string& file, std::string message) {
  message = message.substr(0, message.find('\n'));
  if (message.starts_with(file + ": ")) message.erase(0, file.size() + 2);
  constexpr std::string_view symbol = "undefined symbol: ";
  if (const auto at = message.find(symbol); at != message.npos) {
    std::string name = message.substr(at + symbol.size());
    name = name.substr(0, name.find_first_of(", \t("));
    return fmt::format("needs {}, which this Convoy does not have; build it anew", demangled(name));
  }
  if (const auto at = message.find(": cannot open shared object file"); at != message.npos) {
    return fmt::format("needs {}, which is not found; put its folder into LD_LIBRARY_PATH",
                       message.substr(0, at));
  }
  return fmt::format("cannot be loaded: {}", message);
}

void open_plugin(const std::string& given, const std::string& file) {
  std::vector<std::string>& problems = schema::registration_problems();
  const auto before = static_cast<std::ptrdiff_t>(problems.size());
  if (::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr)
    plugin_fails(given, loader_problem(file, ::dlerror()));
  const std::vector<std::string> news(problems.begin() + before, problems.end());
  problems.erase(problems.begin() + before, problems.end());
  if (!news.empty()) plugin_fails(given, news.front());
}

void load_plugin(const std::string& given) {
  std::error_code unknown;
  if (!fs::exists(given, unknown)) plugin_fails(given, "there is no such file");
  if (!fs::is_regular_file(given, unknown)) plugin_fails(given, "is not a file");
  const std::string file = fs::canonical(given).string();
  std::vector<Plugin>& all = loaded_plugins();
  if (std::ranges::find(all, file, &Plugin::file) != all.end()) return;

  const MappedFile content(file);
  if (!content.text().starts_with("\177ELF")) plugin_fails(given, "is not a shared object");
  const std::string_view tag = tag_in(content.text());
  if (tag.empty()) {
    plugin_fails(given,
                 "has no CONVOY_PLUGIN(\"name\", \"version\") in it, so what it was built for is "
                 "not known; add that line (convoy/plugin.hpp)");
  }
  require_same_abi(given, tag);
  Plugin plugin{line_of(tag, "name"), line_of(tag, "version"), file, {}};
  if (const auto same = std::ranges::find(all, plugin.name, &Plugin::name); same != all.end()) {
    plugin_fails(given, fmt::format("plugin {} is loaded already, from {}",
                                    schema::quote(plugin.name), same->file));
  }
  Sha256 digest;
  digest.update(content.bytes());
  plugin.sha256 = digest.finish();
  open_plugin(given, file);
  all.push_back(std::move(plugin));
}

}  // namespace

std::vector<std::string> plugin_files(std::string_view list) {
  std::vector<std::string> files;
  while (!list.empty()) {
    const std::string_view file = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), file.size() + 1));
    if (!file.empty()) files.emplace_back(file);
  }
  return files;
}

void load_plugins(const std::vector<std::string>& files) {
  for (const std::string& file : files) load_plugin(file);
}

const std::vector<Plugin>& plugins() {
  return loaded_plugins();
}

Json plugins_json() {
  Json all = Json::array();
  for (const Plugin& one : loaded_plugins())
    all.push_back({{"name", one.name}, {"version", one.version}, {"sha256", one.sha256}});
  return all;
}

std::string missing_plugin(const Json& kept) {
  if (!kept.is_array()) return {};
  for (const Json& one : kept) {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string()) continue;
    const auto name = one["name"].get<std::string>();
    if (std::ranges::find(loaded_plugins(), name, &Plugin::name) != loaded_plugins().end())
      continue;
    return fmt::format(" (was made with plugin {}; load it with --plugins)", name);
  }
  return {};
}

}  // namespace convoy
