#include "system/hosts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace convoy::testing {

Hosts::Hosts(int count) : count_(count), net_(::getpid() % 250 + 1) {
  const std::string bridge = name(-1);
  bool ok =
      call(fmt::format("ip netns add {0} && ip -n {0} link add br0 type bridge && "
                       "ip -n {0} link set br0 up",
                       bridge));
  for (int host = 0; ok && host < count_; ++host) {
    ok = call(fmt::format(
        "ip netns add {0} && ip -n {0} link add eth0 type veth peer name v{2} netns {1} && "
        "ip -n {1} link set v{2} master br0 up && ip -n {0} addr add {3}/24 dev eth0 && "
        "ip -n {0} link set eth0 up && ip -n {0} link set lo up",
        name(host), bridge, host, address(host)));
  }
  if (!ok) problem_ = "network namespaces cannot be made here: " + problem_;
}

Hosts::~Hosts() {
  const std::string why = problem_;
  for (int host = -1; host < count_; ++host) call("ip netns del " + name(host));
}

std::string Hosts::name(int host) const {
  return fmt::format("convoy-{}-{}", ::getpid(), host < 0 ? "bridge" : std::to_string(host));
}

std::string Hosts::address(int host) const {
  return fmt::format("10.89.{}.{}", net_, host + 1);
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

bool Hosts::call(const std::string& command) {
  std::FILE* pipe = ::popen(("(" + command + ") 2>&1").c_str(), "r");
  if (pipe == nullptr) return false;
  std::string output;
  std::array<char, 256> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) output += part.data();
  if (::pclose(pipe) == 0) return true;
  problem_ = output.substr(0, output.find('\n'));
  return false;
}

}  // namespace convoy::testing
