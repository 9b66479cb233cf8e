#include "launch/rendezvous_process.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/rendezvous/socket.hpp"
#include "convoy/core/error.hpp"
#include "launch/secret_descriptor.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds start_patience{30};
// One that dies sooner than that is not started anew at once.
constexpr std::chrono::seconds least_life{1};

// Ours, without what is meant for workers.
std::vector<std::string> plain_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!std::string_view(*entry).starts_with("CONVOY_")) result.emplace_back(*entry);
  return result;
}

std::string description(const Ending& ending) {
  if (ending.signal == 0) return fmt::format("it ended with status {}", ending.status);
  return fmt::format("it was killed by signal {} ({})", ending.signal, ::strsignal(ending.signal));
}

}  // namespace

RendezvousProcess::RendezvousProcess(RendezvousProcessOptions options)
    : options_(std::move(options)) {
  // What cannot listen there says so here, with its errno.
  rendezvous::listen_at(options_.listen.host, options_.listen.port);
  start();
  await_port();
}

void RendezvousProcess::start() {
  const SecretDescriptor secret(options_.secret);
  WorkerCommand command{options_.program,
                        {"convoy", "rendezvous", "--listen", to_string(options_.listen),
                         "--journal", (folder_.path() / "journal").string()},
                        plain_environment(),
                        secret.fd()};
  command.environment.push_back(fmt::format("CONVOY_SECRET_FD={}", secret.fd()));
  started_ = Clock::now();
  WorkerProcess process(command);
  process_.emplace(std::move(process));
}

// It says it on its first line.
void RendezvousProcess::await_port() {
  const auto deadline = Clock::now() + start_patience;
  while (process_->out.fd() >= 0 && Clock::now() < deadline) {
    pollfd entry{process_->out.fd(), POLLIN, 0};
    ::poll(&entry, 1, 1000);
    if (entry.revents == 0) continue;
    for (const std::string& line : process_->out.read_lines()) {
      std::uint16_t port = 0;
      const auto [rest, problem] = std::from_chars(line.data(), line.data() + line.size(), port);
      if (problem != std::errc() || rest != line.data() + line.size() || port == 0)
        throw Error(fmt::format("the rendezvous' process said '{}' and not its port", line));
      options_.listen.port = port;
      return;
    }
  }
  if (Clock::now() >= deadline)
    throw Error(
        fmt::format("the rendezvous' process said nothing for {} s", start_patience.count()));
  for (const std::string& line : process_->err.drain()) last_line_ = line;
  // Another launcher of this machine may have been faster than our process.
  rendezvous::listen_at(options_.listen.host, options_.listen.port);
  throw Error(fmt::format("the rendezvous' process could not start: {}",
                          last_line_.empty() ? "it did not say why" : last_line_));
}

bool RendezvousProcess::restart_if_dead() {
  if (process_->out.fd() >= 0) process_->out.read_lines();
  if (process_->err.fd() >= 0) pass_on(process_->err.read_lines());
  if (process_->reap()) pass_on(process_->err.drain());
  if (process_->running() || Clock::now() < started_ + least_life) return false;
  options_.log(fmt::format("the process {} is gone: {}; started anew", process_->pid(),
                           description(*process_->ending())));
  start();
  return true;
}

void RendezvousProcess::pass_on(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    last_line_ = line;
    options_.log(line);
  }
}

}  // namespace convoy
