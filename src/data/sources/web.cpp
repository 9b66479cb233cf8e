// Declared in data/sources/download.hpp.
// Files of web servers as downloads.
#include "convoy/data/sources/source.hpp"
#include "data/sources/address_text.hpp"
#include "data/sources/download.hpp"

namespace convoy {

Download web_download(const std::string& text) {
  WebAddress address = parse_web_address(text);
  Download what;
  what.url = std::move(address.url);
  what.shown = std::move(address.shown);
  what.file_name = std::move(address.file_name);
  what.sha256 = std::move(address.sha256);
  what.advice = [](long status) {
    return status == 401 || status == 403
               ? "; a user and password for it are taken from ~/.netrc ($NETRC)"
               : "";
  };
  return what;
}

namespace {

SourceKind web_kind() {
  SourceKind kind;
  kind.name = "http";
  kind.doc =
      "a file of a web server, downloaded into the cache; `#sha256=HEX` at its end is checked";
  kind.schemes = {"http://", "https://"};
  kind.address = "https://HOST/PATH";
  kind.shown = without_secrets;
  kind.named_file = [](std::string_view address) {
    return std::string(address.substr(0, address.find_first_of("?#")));
  };
  kind.check = [](const std::string& address) { parse_web_address(address); };
  kind.files = [] {
    return [](const std::string& address) { return download(web_download(address)); };
  };
  return kind;
}

const schema::Registered web_source(sources(), web_kind());

}  // namespace
}  // namespace convoy
