#include "system/hosts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace convoy::testing {

Hosts::Hosts(int count, int networks) : count_(count), net_(::getpid() % 250 + 1) {
  bool ok = call("ip netns add " + name(-1));
  for (int host = 0; ok && host < count_; ++host)
    ok = call(fmt::format("ip netns add {0} && ip -n {0} link set lo up", name(host)));
  for (int network = 0; ok && network < networks; ++network) {
    ok = call(fmt::format("ip -n {0} link add br{1} type bridge && ip -n {0} link set br{1} up",
                          name(-1), network));
    for (int host = 0; ok && host < count_; ++host) ok = connect(host, network);
  }
  if (!ok) problem_ = "network namespaces cannot be made here: " + problem_;
}

bool Hosts::connect(int host, int network) {
  return call(fmt::format(
      "ip -n {0} link add eth{3} type veth peer name v{2}-{3} netns {1} && "
      "ip -n {1} link set v{2}-{3} master br{3} up && ip -n {0} addr add {4}/24 dev eth{3} && "
      "ip -n {0} link set eth{3} up",
      name(host), name(-1), host, network, address(host, network)));
}

Hosts::~Hosts() {
  const std::string why = problem_;
  for (int host = -1; host < count_; ++host) call("ip netns del " + name(host));
}

std::string Hosts::name(int host) const {
  return fmt::format("convoy-{}-{}", ::getpid(), host < 0 ? "bridge" : std::to_string(host));
}

std::string Hosts::address(int host, int network) const {
  return fmt::format("10.{}.{}.{}", 89 + network, net_, host + 1);
}

std::int64_t Hosts::sent(int host, int network) {
  std::string said;
  const std::string file = fmt::format("/sys/class/net/eth{}/statistics/tx_bytes", network);
  const bool ok = call(fmt::format("ip netns exec {} cat {}", name(host), file), &said);
  return ok ? std::stoll(said) : -1;
}

std::vector<std::string> Hosts::on(int host, std::vector<std::string> words) const {
  std::vector<std::string> all = {"ip", "netns", "exec", name(host)};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

bool Hosts::shape(int megabits) {
  for (int host = 0; host < count_; ++host) {
    if (!call(
            fmt::format("tc -n {} qdisc add dev eth0 root tbf rate {}mbit burst 64kb latency 100ms",
                        name(host), megabits)))
      return false;
  }
  return true;
}

bool Hosts::call(const std::string& command, std::string* said) {
  std::FILE* pipe = ::popen(("(" + command + ") 2>&1").c_str(), "r");
  if (pipe == nullptr) return false;
  std::string output;
  std::array<char, 256> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) output += part.data();
  const bool ok = ::pclose(pipe) == 0;
  if (said != nullptr) *said = output;
  if (ok) return true;
  problem_ = output.substr(0, output.find('\n'));
  return false;
}

}  // namespace convoy::testing
