#include "bench/measure/delay_relay.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <future>
#include <map>
#include <thread>

#include "bench/measure/hosts.hpp"
#include "core/descriptor.hpp"

namespace convoy::bench {
namespace {

using RelayClock = std::chrono::steady_clock;
using Address = std::array<unsigned char, ETH_ALEN>;
// The kernel's words before each frame: a struct virtio_net_hdr, whose header is not C++.
constexpr std::size_t words_before = 10;
constexpr int socket_buffer = 64 << 20;
// A segment that the kernel leaves uncut, with its headers and what the kernel says about it.
constexpr std::size_t largest_frame = (256 << 10) + words_before;
constexpr int at_once = 64;  // frames of one port before the others are looked at

struct Held {
  RelayClock::time_point due;
  std::size_t from;
  std::vector<char> bytes;  // with the words before it

  Address address(std::size_t at) const {
    Address address{};
    std::memcpy(address.data(), bytes.data() + words_before + at, address.size());
    return address;
  }
  Address to() const { return address(0); }
  Address sender() const { return address(ETH_ALEN); }
};

NoHosts relay_error(const std::string& port) {
  return NoHosts(fmt::format("the delaying switch, {}: {}", port, std::strerror(errno)));
}

// All frames that come to a port, uncut and with checksums that the kernel left open, as it hands
// them on between namespaces.
int packet_socket(const std::string& port) {
  const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw relay_error(port);
  const auto set = [&](int level, int option, int value) {
    if (::setsockopt(fd, level, option, &value, sizeof(value)) != 0) throw relay_error(port);
  };
  set(SOL_PACKET, PACKET_VNET_HDR, 1);
  set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  set(SOL_SOCKET, SO_RCVBUFFORCE, socket_buffer);
  set(SOL_SOCKET, SO_SNDBUFFORCE, socket_buffer);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(port.c_str()));
  if (address.sll_ifindex == 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw relay_error(port);
  return fd;
}

}  // namespace

class DelayRelay::Switch {
 public:
  Switch(const std::string& network_namespace, const std::vector<std::string>& ports,
         double seconds)
      : delay_(std::chrono::duration_cast<RelayClock::duration>(
            std::chrono::duration<double>(seconds))),
        end_(::eventfd(0, EFD_CLOEXEC)) {
    std::promise<void> ready;
    thread_ = std::thread([&, this] { run(network_namespace, ports, ready); });
    try {
      ready.get_future().get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }

  ~Switch() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(end_.get(), &one, sizeof(one));
    thread_.join();
  }

 private:
  // A thread has a network namespace of its own.
  void run(const std::string& network_namespace, const std::vector<std::string>& ports,
           std::promise<void>& ready) {
    try {
      enter_namespace(network_namespace);
      for (const std::string& port : ports)
        ports_.push_back(std::make_unique<Descriptor>(packet_socket(port)));
    } catch (...) {
      return ready.set_exception(std::current_exception());
    }
    ready.set_value();
    while (wait()) {
      for (std::size_t port = 0; port < ports_.size(); ++port) take_from(port);
      while (!held_.empty() && held_.front().due <= RelayClock::now()) {
        pass_on(held_.front());
        held_.pop_front();
      }
    }
  }

  // False at the end.
  bool wait() {
    std::vector<pollfd> polled = {{end_.get(), POLLIN, 0}};
    for (const auto& port : ports_) polled.push_back({port->get(), POLLIN, 0});
    timespec left{3600, 0};
    if (!held_.empty()) {
      const auto until = std::max(held_.front().due - RelayClock::now(), RelayClock::duration(0));
      const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(until).count();
      left = {ns / 1'000'000'000, ns % 1'000'000'000};
    }
    ::ppoll(polled.data(), polled.size(), &left, nullptr);
    return polled[0].revents == 0;
  }

  void take_from(std::size_t port) {
    for (int frame = 0; frame < at_once; ++frame) {
      const ssize_t got = ::recv(ports_[port]->get(), buffer_.data(), buffer_.size(), 0);
      if (got < static_cast<ssize_t>(words_before + ETH_HLEN)) return;
      held_.push_back({RelayClock::now() + delay_, port, {buffer_.data(), buffer_.data() + got}});
      ports_by_address_[held_.back().sender()] = port;
    }
  }

  void pass_on(const Held& held) {
    const auto known = ports_by_address_.find(held.to());
    for (std::size_t port = 0; port < ports_.size(); ++port) {
      if (port == held.from || (known != ports_by_address_.end() && port != known->second))
        continue;
      // What the port does not take is lost: TCP sends it again.
      [[maybe_unused]] const auto sent =
          ::send(ports_[port]->get(), held.bytes.data(), held.bytes.size(), 0);
    }
  }

  RelayClock::duration delay_;
  Descriptor end_;
  std::vector<std::unique_ptr<Descriptor>> ports_;
  std::map<Address, std::size_t> ports_by_address_;
  std::deque<Held> held_;
  std::vector<char> buffer_ = std::vector<char>(largest_frame);
  std::thread thread_;
};

DelayRelay::DelayRelay(const std::string& network_namespace, const std::vector<std::string>& ports,
                       double seconds)
    : switch_(std::make_unique<Switch>(network_namespace, ports, seconds)) {}

DelayRelay::~DelayRelay() = default;

}  // namespace convoy::bench
