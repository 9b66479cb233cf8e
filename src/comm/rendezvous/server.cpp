// Declared in convoy/comm/rendezvous/rendezvous.hpp.
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <thread>

#include "comm/rendezvous/server_connection.hpp"
#include "comm/rendezvous/socket.hpp"

namespace convoy {
namespace {

using namespace rendezvous;
using Clock = ServerConnection::Clock;
using std::chrono::milliseconds;

constexpr std::size_t max_peers = 1024;
constexpr std::size_t max_strangers = 64;  // peers that have not proved themselves yet
constexpr std::chrono::seconds handshake_timeout{5};
// A peer that does not take its answers is not listened to either.
constexpr std::size_t max_output = std::size_t{64} << 20;

struct Peer {
  Peer(Socket connected, std::string from, Table& table, const Secret& secret,
       Clock::time_point now)
      : socket(std::move(connected)),
        address(std::move(from)),
        connection(table, secret),
        handshake_deadline(now + handshake_timeout) {}
  Socket socket;
  std::string address;
  ServerConnection connection;
  std::size_t sent = 0;  // of the connection's output
  Clock::time_point handshake_deadline;
  bool gone = false;
};

// At most a few lines a second, however many strangers come.
class QuietLog {
 public:
  explicit QuietLog(std::function<void(const std::string&)> log) : log_(std::move(log)) {}

  void refused(const std::string& address, const std::string& why, Clock::time_point now) {
    if (!log_) return;
    if (now - since_ >= std::chrono::seconds(1)) {
      since_ = now;
      lines_ = 0;
    }
    if (lines_ >= 3) {
      ++left_out_;
      return;
    }
    ++lines_;
    std::string more;
    if (left_out_ > 0) more = fmt::format(" (and {} more before)", std::exchange(left_out_, 0));
    log_(fmt::format("refused a connection from {}: {}{}", address, why, more));
  }

 private:
  std::function<void(const std::string&)> log_;
  Clock::time_point since_{};
  int lines_ = 0;
  int left_out_ = 0;
};

}  // namespace

struct RendezvousServer::Impl {
  explicit Impl(RendezvousServerOptions options)
      : secret(std::move(options.secret)),
        listener(listen_at(options.bind, options.port)),
        table(options.journal.empty() ? std::make_unique<Table>()
                                      : std::make_unique<Table>(options.journal)),
        wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        log(std::move(options.log)) {
    if (!wake) throw IoError("rendezvous: no event descriptor");
    // Signals are for the thread that started us.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread = std::thread([this] { serve(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~Impl() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake.fd(), &one, sizeof(one));
    thread.join();
  }

  void serve() {
    std::vector<pollfd> entries;
    for (;;) {
      const int patience = fill(entries);
      const auto before = Clock::now();
      if (::poll(entries.data(), entries.size(), patience) < 0 && errno != EINTR) return;
      if (entries[0].revents != 0) return;
      const auto now = Clock::now();
      forgive(now - before - milliseconds(patience));
      auto entry = entries.begin() + 2;
      for (Peer& peer : peers) exchange(peer, (entry++)->revents, now);
      for (Peer& peer : peers) peer.connection.look_at_lease(now);
      drop_gone(now);
      if (entries[1].revents != 0) accept_all(now);
      answer_waiting(now);
    }
  }

  // If this process was stopped, or the machine was asleep, nobody else need have been silent.
  void forgive(Clock::duration late) {
    if (late < std::chrono::seconds(1)) return;
    for (Peer& peer : peers) peer.connection.forgive(late);
  }

  // What to wait for, in the order of `peers`, and for how long in milliseconds.
  int fill(std::vector<pollfd>& entries) {
    const auto now = Clock::now();
    auto first = now + std::chrono::seconds(60);
    const bool accepting = now >= accept_again;
    if (!accepting) first = std::min(first, accept_again);
    entries.assign({{wake.fd(), POLLIN, 0}, {listener.fd(), short(accepting ? POLLIN : 0), 0}});
    for (Peer& peer : peers) {
      const std::size_t pending = peer.connection.output().size();
      const short events = short((pending < max_output ? POLLIN : 0) | (pending > 0 ? POLLOUT : 0));
      entries.push_back({peer.socket.fd(), events, 0});
      if (!peer.connection.authenticated()) first = std::min(first, peer.handshake_deadline);
      first = std::min(first, peer.connection.deadline().value_or(first));
    }
    return static_cast<int>(
        std::max<long>(0, std::chrono::ceil<milliseconds>(first - now).count()));
  }

  void exchange(Peer& peer, short events, Clock::time_point now) {
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
      std::string bytes;
      peer.gone = !receive_some(peer.socket, bytes);
      peer.connection.receive(bytes, now);
    }
    flush(peer);
    if (peer.connection.ended()) {
      log.refused(peer.address, peer.connection.problem(), now);
      peer.gone = true;
    } else if (!peer.connection.authenticated() && now >= peer.handshake_deadline) {
      peer.gone = true;
    }
  }

  void flush(Peer& peer) {
    std::string& output = peer.connection.output();
    if (output.empty() || peer.gone) return;
    const auto sent = send_some(peer.socket, std::string_view(output).substr(peer.sent));
    if (sent < 0) {
      peer.gone = true;
      return;
    }
    peer.sent += static_cast<std::size_t>(sent);
    // What is sent leaves the string once it is half of it: moving the rest each time would cost
    // time quadratic in a large answer's size.
    if (2 * peer.sent < output.size()) return;
    output.erase(0, peer.sent);
    peer.sent = 0;
  }

  void drop_gone(Clock::time_point now) {
    for (auto peer = peers.begin(); peer != peers.end();) {
      if (peer->gone) {
        peer->connection.hang_up();
        peer = peers.erase(peer);
        accept_again = now;
      } else {
        ++peer;
      }
    }
  }

  void accept_all(Clock::time_point now) {
    for (;;) {
      sockaddr_storage from{};
      socklen_t size = sizeof(from);
      Socket socket(::accept4(listener.fd(), reinterpret_cast<sockaddr*>(&from), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        // Out of descriptors: they come back when a peer goes. The listener stays readable, so
        // polling it meanwhile would keep us busy.
        accept_again = now + milliseconds(200);
        drop_oldest_stranger(0);
        return;
      }
      const std::string address = address_of(from);
      if (peers.size() >= max_peers) {
        log.refused(address, "there are 1,024 already", now);
        continue;
      }
      drop_oldest_stranger(max_strangers - 1);
      configure(socket);
      peers.emplace_back(std::move(socket), address, *table, secret, now);
    }
  }

  // So that at most `allowed` are left.
  void drop_oldest_stranger(std::size_t allowed) {
    const auto stranger = [](const Peer& peer) { return !peer.connection.authenticated(); };
    const auto strangers = std::count_if(peers.begin(), peers.end(), stranger);
    if (static_cast<std::size_t>(strangers) <= allowed) return;
    peers.erase(std::find_if(peers.begin(), peers.end(), stranger));
  }

  void answer_waiting(Clock::time_point now) {
    // Carrying out a will, too, may be what somebody waits for.
    const bool added = table->additions() != seen_additions;
    seen_additions = table->additions();
    for (Peer& peer : peers) {
      if (!peer.connection.waiting()) continue;
      if (!added && peer.connection.deadline().value_or(now) > now) continue;
      peer.connection.look_again(now);
      flush(peer);
    }
  }

  Secret secret;
  Socket listener;  // before the journal is read, so that nobody else serves it at this address
  std::unique_ptr<Table> table;
  std::list<Peer> peers;  // in the order in which they came
  Socket wake;
  QuietLog log;
  Clock::time_point accept_again{};
  std::uint64_t seen_additions = 0;
  std::thread thread;
};

RendezvousServer::RendezvousServer(RendezvousServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
RendezvousServer::~RendezvousServer() = default;

std::uint16_t RendezvousServer::port() const {
  return port_of(impl_->listener);
}

}  // namespace convoy
