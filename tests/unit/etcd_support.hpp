#pragma once
// An etcd of the test's own: on free ports of 127.0.0.1, its data in a temporary folder.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/rendezvous/socket.hpp"
#include "core/temporary_folder.hpp"
#include "launch/worker_process.hpp"

namespace convoy {

inline std::uint16_t free_port() {
  return rendezvous::port_of(rendezvous::listen_at("127.0.0.1", 0));
}

class EtcdServer {
 public:
  /// `more`: options besides those for addresses and data.
  explicit EtcdServer(bool tls = false, std::vector<std::string> more = {})
      : tls_(tls), more_(std::move(more)), port_(free_port()), peer_port_(free_port()) {
    start();
  }

  /// With the data that it had, if any.
  void start() {
    const std::string client = fmt::format("{}://127.0.0.1:{}", tls_ ? "https" : "http", port_);
    const std::string peer = fmt::format("http://127.0.0.1:{}", peer_port_);
    WorkerCommand command{"/usr/bin/env", {"env", "etcd"}, {}, -1};
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"name", "test"},
             {"data-dir", (folder_.path() / "data").string()},
             {"listen-client-urls", client},
             {"advertise-client-urls", client},
             {"listen-peer-urls", peer},
             {"initial-advertise-peer-urls", peer},
             {"initial-cluster", "test=" + peer},
             {"logger", "zap"},
             {"log-level", "error"},
             {"log-outputs", (folder_.path() / "log").string()}})
      command.arguments.push_back(fmt::format("--{}={}", name, value));
    command.arguments.insert(command.arguments.end(), more_.begin(), more_.end());
    for (char** entry = environ; *entry != nullptr; ++entry)
      if (!std::string_view(*entry).starts_with("ETCD_")) command.environment.emplace_back(*entry);
    WorkerProcess process(command);
    process_.emplace(std::move(process));
  }

  void kill() {
    process_->signal(SIGKILL);
    while (!process_->reap()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  std::string endpoint() const { return fmt::format("127.0.0.1:{}", port_); }
  std::string url() const { return (tls_ ? "etcds://" : "etcd://") + endpoint(); }

 private:
  const bool tls_;
  const std::vector<std::string> more_;
  const std::uint16_t port_, peer_port_;
  const TemporaryFolder folder_;
  std::optional<WorkerProcess> process_;
};

}  // namespace convoy
