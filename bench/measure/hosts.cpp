#include "bench/measure/hosts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "bench/measure/delay_relay.hpp"
#include "bench/measure/run_command.hpp"
#include "core/descriptor.hpp"

namespace convoy::bench {
namespace {

// Runs it; what it complains of is the reason why there are no hosts.
void require(const std::vector<std::string>& words) {
  const CommandResult result = run_command(words);
  if (result.status != 0)
    throw NoHosts(fmt::format("'{}' failed: {}", fmt::join(words, " "), result.complaint));
}

}  // namespace

std::string host_address(int host) {
  return fmt::format("198.18.0.{}", host + 1);
}

std::string host_namespace(const std::string& name, int host) {
  return fmt::format("{}-{}", name, host);
}

void enter_namespace(const std::string& network_namespace) {
  const std::string path = "/run/netns/" + network_namespace;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || ::setns(file.get(), CLONE_NEWNET) != 0)
    throw IoError(fmt::format("{}: {}", path, std::strerror(errno)));
}

Hosts::Hosts(int count, const Link& link)
    : count_(count), name_(fmt::format("convoy-bench-{}", ::getpid())) {
  if (::geteuid() != 0) throw NoHosts("network namespaces need root");
  try {
    create(link);
  } catch (...) {
    remove();
    throw;
  }
}

Hosts::~Hosts() {
  remove();
}

void Hosts::create(const Link& link) {
  const std::string middle = name_ + "-switch";
  require({"ip", "netns", "add", middle});
  for (int host = 0; host < count_; ++host) add_host(host, link);
  if (link.delay > 0) {
    std::vector<std::string> ports;
    for (int host = 0; host < count_; ++host) ports.push_back(fmt::format("port{}", host));
    relay_ = std::make_unique<DelayRelay>(middle, ports, link.delay / 1e3);
    return;
  }
  require({"ip", "-n", middle, "link", "add", "bridge0", "type", "bridge"});
  require({"ip", "-n", middle, "link", "set", "bridge0", "up"});
  for (int host = 0; host < count_; ++host)
    require({"ip", "-n", middle, "link", "set", fmt::format("port{}", host), "master", "bridge0"});
}

void Hosts::add_host(int host, const Link& link) {
  const std::string own = host_namespace(name_, host), port = fmt::format("port{}", host);
  const std::string middle = name_ + "-switch";
  require({"ip", "netns", "add", own});
  require({"ip", "-n", own, "link", "set", "lo", "up"});
  require(
      {"ip", "-n", own, "link", "add", interface, "type", "veth", "peer", port, "netns", middle});
  require({"ip", "-n", middle, "link", "set", port, "up"});
  require({"ip", "-n", own, "address", "add", host_address(host) + "/24", "dev", interface});
  require({"ip", "-n", own, "link", "set", interface, "up"});
  if (link.mbit <= 0) return;
  // Enough of a burst for one segment that the kernel has not cut yet, and room to queue.
  require({"tc", "-n", own, "qdisc", "add", "dev", interface, "root", "tbf", "rate",
           fmt::format("{:.0f}kbit", 1000 * link.mbit), "burst", "128kb", "latency", "200ms"});
}

void Hosts::remove() {
  relay_.reset();
  for (int host = 0; host < count_; ++host)
    run_command({"ip", "netns", "delete", host_namespace(name_, host)});
  run_command({"ip", "netns", "delete", name_ + "-switch"});
}

}  // namespace convoy::bench
