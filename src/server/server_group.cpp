#include "convoy/server/server_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "comm/worker_place.hpp"
#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "core/random_number.hpp"
#include "server/network_link.hpp"
#include "server/server_group.hpp"

namespace convoy {
namespace {

class NetworkServerGroup final : public ServerGroup {
 public:
  explicit NetworkServerGroup(const ServerGroupOptions& options)
      : options_(options),
        incarnation_(std::max<std::uint32_t>(1, static_cast<std::uint32_t>(random_number()))),
        directory_(std::make_shared<server::Directory>(
            options.rendezvous, options.secret,
            fmt::format("worker-{}-{}", options.rank, incarnation_), options.servers,
            options.backups, options.timeout)),
        context_(std::make_shared<zmq::context_t>()),
        keys_(server::derived_keys(options.secret, "worker")) {}

  int rank() const override { return options_.rank; }
  int workers() const override { return options_.workers; }
  void leave() override { directory_->leave(); }

  std::unique_ptr<server::Link> connect(int replica) override {
    const auto number = static_cast<std::uint64_t>(options_.rank) * server::replicas_of_process +
                        static_cast<std::uint64_t>(replica);
    return std::make_unique<server::NetworkLink>(server::NetworkLinkOptions{
        directory_, context_, keys_, (number << 32) | incarnation_, options_.timeout});
  }

 private:
  ServerGroupOptions options_;
  std::uint32_t incarnation_;
  std::shared_ptr<server::Directory> directory_;
  std::shared_ptr<zmq::context_t> context_;
  server::CurveKeys keys_;
};

}  // namespace

std::shared_ptr<ServerGroup> join_servers(const ServerGroupOptions& options) {
  return std::make_shared<NetworkServerGroup>(options);
}

std::shared_ptr<ServerGroup> ServerGroup::from_environment(std::chrono::milliseconds timeout,
                                                           int backups) {
  const int servers = number_in("CONVOY_SERVERS").value_or(0);
  if (servers == 0) return nullptr;
  const auto place = worker_place();
  const auto secret = Secret::from_environment();
  const char* rendezvous = std::getenv("CONVOY_RENDEZVOUS");
  if (!place || !secret || rendezvous == nullptr)
    throw InputError("CONVOY_SERVERS is set, and not what else convoy launch --servers sets");
  return join_servers({place->rank, place->workers, servers, backups, parse_endpoint(rendezvous),
                       *secret, timeout});
}

}  // namespace convoy
