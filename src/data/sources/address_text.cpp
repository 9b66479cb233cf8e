#include "data/sources/address_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr std::string_view checksum_mark = "#sha256=";

char small_letter(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// SCHEME://AUTHORITY and what follows.
struct AddressParts {
  std::string_view scheme, authority, rest;
};

AddressParts split_address(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == text.npos) return {{}, {}, text};
  const std::size_t begin = colon + 3;
  const std::size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  return {text.substr(0, begin), text.substr(begin, end - begin), text.substr(end)};
}

/// A user's name and password end at the last '@'.
std::string_view host_of(std::string_view authority) {
  const std::size_t at = authority.rfind('@');
  return at == authority.npos ? authority : authority.substr(at + 1);
}

/// Whether a ':' is followed by a port: of a user's password with a '/' in it the beginning stands
/// there. `hosts`: one or, for databases, several with commas between them.
bool has_sound_ports(std::string_view hosts) {
  while (!hosts.empty()) {
    const std::size_t end = std::min(hosts.find(','), hosts.size());
    std::string_view host = hosts.substr(0, end);
    hosts.remove_prefix(std::min(end + 1, hosts.size()));
    if (host.starts_with('[')) host.remove_prefix(std::min(host.find(']'), host.size()));
    const std::size_t colon = host.find(':');
    if (colon == host.npos) continue;
    if (host.find_first_not_of("0123456789", colon + 1) != host.npos) return false;
  }
  return true;
}

std::string lower_hex(std::string_view text, const std::string& shown) {
  std::string hex(text);
  std::transform(hex.begin(), hex.end(), hex.begin(), small_letter);
  if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != hex.npos) {
    throw InputError(
        fmt::format("{}: what follows #sha256= are not the 64 hexadecimal digits of a SHA-256; "
                    "`sha256sum FILE` prints them",
                    shown));
  }
  return hex;
}

/// `path` without its checksum, and that.
std::pair<std::string_view, std::string> split_checksum(std::string_view path,
                                                        const std::string& shown) {
  const std::size_t mark = path.rfind(checksum_mark);
  if (mark == path.npos) return {path, ""};
  return {path.substr(0, mark), lower_hex(path.substr(mark + checksum_mark.size()), shown)};
}

void require_printable(std::string_view text, const std::string& what) {
  const bool bad =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (bad) throw InputError(fmt::format("{} has a blank or a control character in it", what));
}

std::string cache_name(std::string_view path) {
  constexpr std::size_t longest = 100;
  std::string name(path.substr(path.rfind('/') + 1));
  if (name.size() > longest) name = name.substr(name.size() - longest);  // the ending counts
  for (char& c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-';
    if (!plain) c = '_';
  }
  const auto first =
      std::find_if(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
  name.erase(name.begin(), first);
  return name.empty() ? "data" : name;
}

}  // namespace

bool begins_with_scheme(std::string_view text, std::string_view scheme) {
  return text.size() >= scheme.size() &&
         std::equal(scheme.begin(), scheme.end(), text.begin(),
                    [](char a, char b) { return a == small_letter(b); });
}

std::string without_secrets(std::string_view address) {
  const AddressParts parts = split_address(address);
  const std::string_view host = host_of(parts.authority);
  if (!has_sound_ports(host)) return fmt::format("{}...", parts.scheme);
  return fmt::format("{}{}{}", parts.scheme, host,
                     parts.rest.substr(0, parts.rest.find_first_of("?#")));
}

std::string without_checksum(std::string_view address) {
  return std::string(address.substr(0, address.rfind(checksum_mark)));
}

WebAddress parse_web_address(const std::string& text) {
  WebAddress address;
  address.shown = without_secrets(text);
  const AddressParts parts = split_address(text);
  if (parts.authority.find('@') != text.npos || !has_sound_ports(parts.authority)) {
    throw InputError(
        fmt::format("{}: the address has a user or password in it; take it out and put it into "
                    "~/.netrc ($NETRC), a line `machine HOST login USER password PASSWORD`",
                    address.shown));
  }
  require_printable(text, "the address " + address.shown);
  if (parts.authority.empty() || parts.authority.starts_with(':'))
    throw InputError(fmt::format("{}: the address has no host", address.shown));
  const std::size_t hash = text.find('#');
  address.url = text.substr(0, hash);
  if (hash != text.npos) {
    const std::string_view fragment = std::string_view(text).substr(hash);
    if (!fragment.starts_with(checksum_mark)) {
      throw InputError(
          fmt::format("{}: a '#' in an address is followed by sha256=HEX, the checksum of the file",
                      address.shown));
    }
    address.sha256 = lower_hex(fragment.substr(checksum_mark.size()), address.shown);
  }
  address.file_name = cache_name(parts.rest.substr(0, parts.rest.find_first_of("?#")));
  return address;
}

S3Address parse_s3_address(const std::string& text) {
  S3Address address;
  address.shown = without_checksum(text);
  require_printable(text.substr(0, text.find('/', 5)), "the address " + address.shown);
  const auto [path, checksum] = split_checksum(text, address.shown);
  const std::string_view place = path.substr(5);
  const std::size_t slash = place.find('/');
  if (slash == place.npos || slash + 1 == place.size())
    throw InputError(fmt::format("{}: write s3://BUCKET/KEY", address.shown));
  address.bucket = place.substr(0, slash);
  address.key = place.substr(slash + 1);
  const bool sound = std::isalnum(static_cast<unsigned char>(address.bucket[0])) &&
                     std::all_of(address.bucket.begin(), address.bucket.end(), [](unsigned char c) {
                       return std::isalnum(c) || c == '.' || c == '-' || c == '_';
                     });
  if (!sound) {
    throw InputError(
        fmt::format("{}: the name of a bucket has letters, digits and .-_ only; write "
                    "s3://BUCKET/KEY",
                    address.shown));
  }
  address.file_name = cache_name(address.key);
  address.sha256 = checksum;
  return address;
}

void check_database_address(const std::string& text) {
  const AddressParts parts = split_address(text);
  const std::string_view host = host_of(parts.authority);
  const std::string_view user = parts.authority.substr(0, parts.authority.size() - host.size());
  if (user.find(':') != user.npos || !has_sound_ports(host)) {
    throw InputError(
        fmt::format("{}: the address has a password in it; take it out and put it "
                    "into ~/.pgpass or $PGPASSWORD",
                    without_secrets(text)));
  }
}

}  // namespace convoy
