// Bare sockets: what TCP connections between the workers allow.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "bench/measure/party.hpp"
#include "convoy/core/error.hpp"
#include "core/descriptor.hpp"
#include "core/machine.hpp"

namespace convoy::bench {
namespace {

using SocketClock = std::chrono::steady_clock;
constexpr std::chrono::microseconds spin_for{50};           // before it sleeps, where cores allow
constexpr std::chrono::milliseconds idle_timeout{300'000};  // nothing came or went
constexpr std::size_t one_round_below = 32 << 10;           // bytes, of what goes to all the others
constexpr std::size_t add_every = 128 << 10;  // bytes: what has come is in the cache still

IoError socket_error(const char* what) {
  return IoError(fmt::format("bare sockets: {}: {}", what, std::strerror(errno)));
}

sockaddr_in internet_address(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

int new_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw socket_error("socket");
  return fd;
}

void add_floats(float* into, const float* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) into[i] += from[i];
}

// What goes to one worker and comes from it in a round. Where `sum` is set, what comes is added
// there, else it stays where it was received.
struct Flow {
  int fd = -1;
  const char* out = nullptr;
  std::size_t to_send = 0;
  char* in = nullptr;
  std::size_t to_receive = 0;
  float* sum = nullptr;
  std::size_t received = 0;
  std::size_t added = 0;  // bytes

  bool done() const { return to_send == 0 && received == to_receive; }

  bool send_some() {
    if (to_send == 0) return false;
    const ssize_t sent = ::send(fd, out, to_send, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) throw socket_error("send");
    if (sent <= 0) return false;
    out += sent;
    to_send -= static_cast<std::size_t>(sent);
    return true;
  }

  bool receive_some() {
    if (received == to_receive) return false;
    const std::size_t most = std::min(to_receive - received, add_every);
    const ssize_t got = ::recv(fd, in + received, most, MSG_DONTWAIT);
    if (got == 0) throw IoError("bare sockets: a worker closed its connection");
    if (got < 0 && errno != EAGAIN && errno != EINTR) throw socket_error("recv");
    if (got < 0) return false;
    received += static_cast<std::size_t>(got);
    if (sum != nullptr && (received == to_receive || received - added >= add_every / 2)) add();
    return true;
  }

  void add() {
    const std::size_t whole = received / sizeof(float) * sizeof(float);
    add_floats(sum + added / sizeof(float), reinterpret_cast<const float*>(in + added),
               (whole - added) / sizeof(float));
    added = whole;
  }

  short events() const {
    return static_cast<short>((to_send > 0 ? POLLOUT : 0) | (received < to_receive ? POLLIN : 0));
  }
};

class SocketParty final : public OwnParty {
 public:
  SocketParty(Store& store, const std::string& address, std::shared_ptr<Communicator> line)
      : OwnParty({line->rank(), line->size()}),
        rank_(line->rank()),
        size_(line->size()),
        spins_(line->size() <= online_cores()),
        line_(std::move(line)) {
    connect(store, address);
  }

 private:
  void line_up() override { line_->barrier(); }

  void all_reduce(std::span<float> values) override {
    const bool whole = values.size_bytes() * sockets_.size() <= one_round_below;
    const std::size_t of_each = whole ? values.size() : part(values, rank_).size();
    scratch_.resize(std::max(scratch_.size(), of_each * sockets_.size()));
    if (whole) return exchange_whole(values);
    reduce_scatter(values);
    all_gather(values);
  }

  // What others are still to get must not change: added when all has gone.
  void exchange_whole(std::span<float> values) {
    std::vector<Flow> flows;
    for (std::size_t k = 0; k < sockets_.size(); ++k)
      flows.push_back(
          flow(k, values, std::span(scratch_).subspan(k * values.size(), values.size())));
    exchange(flows);
    for (std::size_t k = 0; k < sockets_.size(); ++k)
      add_floats(values.data(), scratch_.data() + k * values.size(), values.size());
  }

  void reduce_scatter(std::span<float> values) {
    const std::span<float> mine = part(values, rank_);
    std::vector<Flow> flows;
    for (std::size_t k = 0; k < sockets_.size(); ++k) {
      flows.push_back(flow(k, part(values, peers_[k]),
                           std::span(scratch_).subspan(k * mine.size(), mine.size())));
      flows.back().sum = mine.data();
    }
    exchange(flows);
  }

  void all_gather(std::span<float> values) {
    std::vector<Flow> flows;
    for (std::size_t k = 0; k < sockets_.size(); ++k)
      flows.push_back(flow(k, part(values, rank_), part(values, peers_[k])));
    exchange(flows);
  }

  std::span<float> part(std::span<float> values, int rank) const {
    const std::size_t n = values.size();
    const auto ranks = static_cast<std::size_t>(size_), r = static_cast<std::size_t>(rank);
    const std::size_t begin = n * r / ranks;
    return values.subspan(begin, n * (r + 1) / ranks - begin);
  }

  Flow flow(std::size_t k, std::span<const float> out, std::span<float> in) const {
    return {.fd = sockets_[k]->get(),
            .out = reinterpret_cast<const char*>(out.data()),
            .to_send = out.size_bytes(),
            .in = reinterpret_cast<char*>(in.data()),
            .to_receive = in.size_bytes()};
  }

  void exchange(std::vector<Flow>& flows) const {
    auto last = SocketClock::now();
    for (;;) {
      bool moved = false, done = true;
      for (Flow& flow : flows) {
        moved |= flow.send_some();
        moved |= flow.receive_some();
        done &= flow.done();
      }
      if (done) return;
      if (moved) {
        if (spins_) last = SocketClock::now();
      } else if (!spins_ || SocketClock::now() - last > spin_for) {
        sleep_until_ready(flows);
        last = SocketClock::now();
      }
    }
  }

  static void sleep_until_ready(const std::vector<Flow>& flows) {
    std::vector<pollfd> polled;
    for (const Flow& flow : flows)
      if (!flow.done()) polled.push_back({flow.fd, flow.events(), 0});
    const int ready = ::poll(polled.data(), polled.size(), static_cast<int>(idle_timeout.count()));
    if (ready == 0) throw IoError("bare sockets: nothing came in time");
    if (ready < 0 && errno != EINTR) throw socket_error("poll");
  }

  // Each connects to those of lower ranks, and says who it is.
  void connect(Store& store, const std::string& own_address) {
    const Descriptor listener(new_socket());
    sockaddr_in address = internet_address(own_address, 0);
    socklen_t length = sizeof(address);
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(listener.get(), size_) != 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw socket_error(own_address.c_str());
    const auto key = [](int rank) { return fmt::format("bare/{}", rank); };
    store.set(key(rank_), fmt::format("{} {}", own_address, ntohs(address.sin_port)));
    for (int peer = 0; peer < rank_; ++peer) {
      const std::string at = store.get(key(peer), line_->timeout());
      const std::size_t space = at.find(' ');
      const sockaddr_in to = internet_address(at.substr(0, space), std::stoi(at.substr(space + 1)));
      auto socket = std::make_unique<Descriptor>(new_socket());
      if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0)
        throw socket_error(at.c_str());
      if (::send(socket->get(), &rank_, sizeof(rank_), MSG_NOSIGNAL) != sizeof(rank_))
        throw socket_error("send");
      take(std::move(socket), peer);
    }
    for (int others = rank_ + 1; others < size_; ++others) {
      auto socket =
          std::make_unique<Descriptor>(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      int peer = 0;
      if (socket->get() < 0 ||
          ::recv(socket->get(), &peer, sizeof(peer), MSG_WAITALL) != sizeof(peer))
        throw socket_error("accept");
      take(std::move(socket), peer);
    }
  }

  void take(std::unique_ptr<Descriptor> socket, int peer) {
    const int on = 1;
    ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockets_.push_back(std::move(socket));
    peers_.push_back(peer);
  }

  int rank_;
  int size_;
  bool spins_;
  std::shared_ptr<Communicator> line_;
  std::vector<std::unique_ptr<Descriptor>> sockets_;  // by other worker
  std::vector<int> peers_;                            // whose they are
  std::vector<float> scratch_;
};

}  // namespace

std::unique_ptr<Party> socket_party(Store& store, const std::string& address,
                                    std::shared_ptr<Communicator> line) {
  return std::make_unique<SocketParty>(store, address, std::move(line));
}

}  // namespace convoy::bench
