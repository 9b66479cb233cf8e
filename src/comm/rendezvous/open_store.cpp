// Declared in convoy/comm/rendezvous/store.hpp.
#include <fmt/format.h>

#include <string_view>

#include "comm/rendezvous/etcd_store.hpp"
#include "comm/rendezvous/rendezvous_store.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/comm/rendezvous/store.hpp"

namespace convoy {
namespace {

constexpr std::string_view etcd_scheme = "etcd://";
constexpr std::string_view etcds_scheme = "etcds://";

std::unique_ptr<Store> open_etcd(std::string_view place, bool tls, const Secret& secret,
                                 Store::Duration patience) {
  const auto slash = place.find('/');
  const std::string job_name(slash == std::string_view::npos ? "" : place.substr(slash + 1));
  return std::make_unique<EtcdStore>(etcd::options_of(place.substr(0, slash), tls, patience),
                                     secret, job_name);
}

}  // namespace

std::unique_ptr<Store> open_store(const std::string& url, const Secret& secret,
                                  Store::Duration patience) {
  const std::string_view text = url;
  if (text.starts_with(etcd_scheme))
    return open_etcd(text.substr(etcd_scheme.size()), false, secret, patience);
  if (text.starts_with(etcds_scheme))
    return open_etcd(text.substr(etcds_scheme.size()), true, secret, patience);
  if (text.find("://") != std::string_view::npos)
    throw InputError(fmt::format(
        "'{}' is no store; there are HOST:PORT, etcd://HOST:PORT and etcds://HOST:PORT", url));
  return std::make_unique<RendezvousStore>(parse_endpoint(url), secret, patience);
}

}  // namespace convoy
