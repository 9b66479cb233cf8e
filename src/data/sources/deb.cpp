// Packages of Debian, through apt, which checks what it downloads against the archive's digests.
#include "convoy/data/sources/source.hpp"
#include "data/sources/tool.hpp"

namespace convoy {
namespace {

bool is_deb_package(std::string_view spec) {
  return consists_of(spec, small_letters_and_digits, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
}

std::string unpack_deb(const PackageRequest& request) {
  run_tool({"apt-get", "download", request.spec}, request.work, request.source, "apt");
  const std::filesystem::path archive = only_file(request.work, ".deb", request.source);
  run_tool({"dpkg-deb", "--extract", archive.string(), request.into.string()}, request.work,
           request.source, "dpkg");
  return "";
}

SourceKind deb_kind() {
  SourceKind kind;
  kind.name = "deb";
  kind.doc = "a package of the Debian archives that apt knows";
  kind.schemes = {"deb:"};
  kind.address = "deb:PACKAGE";
  kind.gives = Gives::package;
  kind.is_package = is_deb_package;
  kind.unpack = unpack_deb;
  return kind;
}

const schema::Registered deb_source(sources(), deb_kind());

}  // namespace
}  // namespace convoy
