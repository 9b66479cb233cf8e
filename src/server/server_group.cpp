#include "convoy/server/server_group.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <charconv>
#include <cstdlib>
#include <mutex>

#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "server/network_link.hpp"
#include "server/server_group.hpp"

namespace convoy {
namespace {

int number_in(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return otherwise;
  const std::string_view view = text;
  int value = 0;
  const auto [end, problem] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (problem != std::errc() || end != view.data() + view.size() || value < 0)
    throw InputError(fmt::format("{}: '{}' is not a number", variable, view));
  return value;
}

class NetworkServerGroup final : public ServerGroup {
 public:
  explicit NetworkServerGroup(const ServerGroupOptions& options)
      : options_(options),
        incarnation_(random_number()),
        directory_(std::make_shared<server::Directory>(
            options.rendezvous, options.secret,
            fmt::format("worker-{}-{}", options.rank, incarnation_), options.servers,
            options.backups, options.timeout)),
        context_(std::make_shared<zmq::context_t>()),
        keys_(server::derived_keys(options.secret, "worker")) {}

  int rank() const override { return options_.rank; }
  int workers() const override { return options_.workers; }
  int servers() const override { return options_.servers; }
  int backups() const override { return options_.backups; }
  std::string agree(const std::string& name, const std::string& mine) override {
    return directory_->agree(name, mine, options_.rank == 0);
  }
  void leave() override { directory_->leave(); }

  std::unique_ptr<server::Link> connect(int replica) override {
    const auto number = static_cast<std::uint64_t>(options_.rank) * server::replicas_of_process +
                        static_cast<std::uint64_t>(replica);
    return std::make_unique<server::NetworkLink>(server::NetworkLinkOptions{
        directory_, context_, keys_, (number << 32) | incarnation_, options_.timeout});
  }

 private:
  static std::uint32_t random_number() {
    std::uint32_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != sizeof value || value == 0) value = 1;
    return value;
  }

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
  const int servers = number_in("CONVOY_SERVERS", 0);
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
