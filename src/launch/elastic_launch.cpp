#include "launch/elastic_launch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <thread>

#include "convoy/core/error.hpp"
#include "launch/elastic_agent.hpp"
#include "launch/output_relay.hpp"
#include "launch/rendezvous_process.hpp"
#include "session/coordinator.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds launch_patience{30'000};

// Nothing when the address is another machine's, or another launcher of this one serves it.
std::unique_ptr<RendezvousProcess> serve_if_ours(const LaunchOptions& options,
                                                 const Secret& secret) {
  if (!options.store.empty()) return nullptr;
  RendezvousProcessOptions serving{
      options.program, options.rendezvous.value_or(Endpoint{"127.0.0.1", 0}), secret,
      [](const std::string& line) { log_line("rendezvous: " + line); }};
  try {
    return std::make_unique<RendezvousProcess>(std::move(serving));
  } catch (const ListenError& error) {
    if (error.code() == EADDRNOTAVAIL || error.code() == EADDRINUSE) return nullptr;
    throw;
  }
}

void announce(const LaunchOptions& options, const std::string& store) {
  if (options.quiet) return;
  log_line(fmt::format("{} worker{} on this host, {} or more train; the job's state is at {}",
                       options.workers, options.workers == 1 ? "" : "s", *options.least, store));
}

// Who serves the store waits until the others know how the job ended.
void leave(Coordinator& coordinator, bool serves) {
  coordinator.gone();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(serves ? 10 : 0);
  while (coordinator.state().launchers > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(20));
}

}  // namespace

int launch_elastic(const LaunchOptions& options) {
  const Secret secret = options.secret ? *options.secret : Secret::generate();
  SignalPipe signals;
  const auto server = serve_if_ours(options, secret);
  const std::string at = server                  ? to_string(server->endpoint())
                         : options.store.empty() ? to_string(*options.rendezvous)
                                                 : options.store;
  CoordinatorOptions coordinating;
  coordinating.workers = options.workers;
  coordinating.least = *options.least;
  coordinating.launchers = options.hosts;
  coordinating.gather = options.wait;
  coordinating.lost_after = options.lost_after;
  coordinating.store_patience = launch_patience;
  Coordinator coordinator(open_store(at, secret, launch_patience), coordinating);
  announce(options, at);
  const Verdict verdict =
      ElasticAgent(options, at, secret, coordinator, server.get(), signals).run();
  leave(coordinator, server != nullptr);
  if (verdict.status != 0) log_line(verdict.text);
  return verdict.status;
}

}  // namespace convoy
