#include "comm/transports/tcp/connect.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "comm/rendezvous/wire.hpp"
#include "comm/transports/tcp/handshake.hpp"
#include "comm/transports/tcp/socket_address.hpp"

namespace convoy::tcp {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using rendezvous::Socket;
using std::chrono::milliseconds;

// Strangers cannot hold up the members: those who have not proved themselves are few, have little
// time and may say little, and the oldest goes when another one comes.
constexpr std::size_t most_strangers = 64;
constexpr milliseconds stranger_patience{5'000};
constexpr milliseconds pause_between_tries{20};
constexpr milliseconds glance{100};
constexpr int most_refusals_logged = 5;

/// What a member tells the others.
struct PeerAddress {
  std::string identity;
  std::vector<Endpoint> at;
  int connections = 1;
  bool encrypt = false;
};

std::string to_text(const PeerAddress& peer_address) {
  Json at = Json::array();
  for (const Endpoint& endpoint : peer_address.at) at.push_back({endpoint.host, endpoint.port});
  return Json{{"identity", peer_address.identity},
              {"at", at},
              {"connections", peer_address.connections},
              {"encrypt", peer_address.encrypt}}
      .dump();
}

PeerAddress parse_address(int rank, const std::string& text) {
  try {
    const Json read = Json::parse(text);
    PeerAddress peer_address{read.at("identity"), {}, read.at("connections"), read.at("encrypt")};
    for (const Json& at : read.at("at")) peer_address.at.push_back({at.at(0), at.at(1)});
    if (!peer_address.at.empty() && peer_address.connections > 0 && peer_address.connections <= 64)
      return peer_address;
  } catch (const Json::exception&) {  // said below
  }
  throw PeerError(rank, fmt::format("worker {} speaks another version of the transport", rank));
}

std::string identity() {
  std::string hex;
  for (const char byte : rendezvous::random_nonce().substr(0, 16))
    fmt::format_to(std::back_inserter(hex), "{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

class Connector {
 public:
  explicit Connector(const TcpOptions& options)
      : options_(options), deadline_(Clock::now() + options.timeout), result_(options.size) {}

  std::vector<std::vector<Established>> run() {
    listen();
    exchange_addresses();
    begin();
    auto look_again = Clock::now() + glance;
    while (missing_ > 0) {
      serve();
      if (Clock::now() < look_again) continue;
      options_.still_wanted();
      look_again = Clock::now() + glance;
    }
    return std::move(result_);
  }

 private:
  struct Attempt {  // one connection that is being made
    Socket socket;
    std::unique_ptr<Handshake> handshake;
    bool connecting = false;     // waits for the system
    bool ours = false;           // we connect
    Introduction about;          // if so
    std::string with;            // the peer's address
    Clock::time_point deadline;  // of a stranger
  };

  bool wanted(int rank) const {
    return rank != options_.rank && (options_.peers.empty() || options_.peers[rank]);
  }

  void listen() {
    for (const std::string& address : options_.addresses) {
      try {
        listeners_.push_back(rendezvous::listen_at(address, 0));
      } catch (const IoError& error) {
        throw InputError(error.what());
      }
      own_.at.push_back({address, rendezvous::port_of(listeners_.back())});
    }
    own_.identity = identity();
    own_.connections =
        options_.connections > 0 ? options_.connections : static_cast<int>(own_.at.size());
    own_.encrypt = options_.encrypt;
  }

  void exchange_addresses() {
    const std::vector<std::string> texts = options_.share(to_text(own_));
    for (int rank = 0; rank < options_.size; ++rank) {
      peer_addresses_.push_back(parse_address(rank, texts.at(rank)));
      if (peer_addresses_.back().encrypt == own_.encrypt) continue;
      const auto says = [](bool encrypt) { return encrypt ? "encrypts" : "does not encrypt"; };
      throw InputError(fmt::format(
          "worker {} {} its messages and worker {} {}: say launch --encrypt (or CONVOY_ENCRYPT=1) "
          "on every host, or on none",
          rank, says(peer_addresses_.back().encrypt), options_.rank, says(own_.encrypt)));
    }
  }

  int connections_with(int rank) const {
    return std::max(own_.connections, peer_addresses_[rank].connections);
  }

  void begin() {
    for (int rank = 0; rank < options_.size; ++rank) {
      if (!wanted(rank)) continue;
      result_[rank].resize(static_cast<std::size_t>(connections_with(rank)));
      missing_ += result_[rank].size();
      for (int k = 0; rank < options_.rank && k < connections_with(rank); ++k)
        try_to_connect(introduction(options_.rank, rank, k));
    }
  }

  Introduction introduction(int connector, int listener, int connection) const {
    return {static_cast<std::uint32_t>(connector),  static_cast<std::uint32_t>(listener),
            static_cast<std::uint32_t>(connection), own_.encrypt,
            peer_addresses_[connector].identity,    peer_addresses_[listener].identity};
  }

  void try_to_connect(const Introduction& about) {
    const PeerAddress& peer_address = peer_addresses_[about.listener];
    const Endpoint& at = peer_address.at[about.connection % peer_address.at.size()];
    Attempt attempt;
    attempt.ours = true;
    attempt.connecting = true;
    attempt.about = about;
    attempt.with = to_string(at);
    const std::string& own = options_.addresses[about.connection % options_.addresses.size()];
    attempt.socket = start_connecting(at, options_.connect_from_them ? own : std::string());
    attempt.handshake =
        std::make_unique<ConnectorHandshake>(options_.group_key, about, rendezvous::random_nonce());
    attempts_.push_back(std::move(attempt));
  }

  // Waits a little for anything to happen, and does what there is to do.
  void serve() {
    std::vector<pollfd> polled;
    for (const Socket& listener : listeners_) polled.push_back({listener.fd(), POLLIN, 0});
    for (const Attempt& attempt : attempts_) {
      const bool writes = attempt.connecting || !attempt.handshake->output().empty();
      polled.push_back(
          {attempt.socket.fd(), static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), 0});
    }
    const bool waits = !again_.empty();
    ::poll(polled.data(), polled.size(), waits ? pause_between_tries.count() : glance.count());
    std::list<Attempt> left;
    for (std::size_t i = listeners_.size(); Attempt & attempt : attempts_)
      if (polled[i++].revents == 0 && attempt.socket ? !late(attempt) : move_on(attempt))
        left.push_back(std::move(attempt));
    attempts_ = std::move(left);
    for (std::size_t i = 0; i < listeners_.size(); ++i)
      if (polled[i].revents != 0) accept_from(listeners_[i]);
    for (const Introduction& about : std::exchange(again_, {})) try_to_connect(about);
    if (missing_ > 0 && Clock::now() >= deadline_) throw_timeout();
  }

  static bool late(const Attempt& attempt) {
    return !attempt.ours && Clock::now() >= attempt.deadline;
  }

  void accept_from(const Socket& listener) {
    for (;;) {
      sockaddr_storage address{};
      socklen_t size = sizeof(address);
      Socket socket(::accept4(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) return;
      Attempt attempt;
      attempt.socket = std::move(socket);
      attempt.with = rendezvous::address_of(address);
      attempt.deadline = Clock::now() + stranger_patience;
      attempt.handshake = std::make_unique<ListenerHandshake>(
          options_.group_key, [this](const Introduction& claim) { return expected(claim); },
          rendezvous::random_nonce());
      drop_the_oldest_stranger();
      attempts_.push_back(std::move(attempt));
    }
  }

  void drop_the_oldest_stranger() {
    const auto is_stranger = [](const Attempt& one) { return !one.ours; };
    if (static_cast<std::size_t>(std::count_if(attempts_.begin(), attempts_.end(), is_stranger)) >=
        most_strangers + missing_)
      attempts_.erase(std::find_if(attempts_.begin(), attempts_.end(), is_stranger));
  }

  std::optional<Introduction> expected(const Introduction& claim) const {
    const auto connector = static_cast<std::size_t>(claim.connector);
    if (claim.listener != static_cast<std::uint32_t>(options_.rank) ||
        connector <= claim.listener || connector >= result_.size() ||
        claim.connection >= result_[connector].size() ||
        result_[connector][claim.connection].socket)
      return std::nullopt;
    return introduction(static_cast<int>(connector), options_.rank,
                        static_cast<int>(claim.connection));
  }

  // Whether the attempt goes on.
  bool move_on(Attempt& attempt) {
    if (attempt.connecting) {
      if (const int code = connection_error(attempt.socket)) return unreachable(attempt, code);
      attempt.connecting = false;
    }
    Handshake& handshake = *attempt.handshake;
    bool open = true;
    while (open && handshake.missing() > 0) {
      std::array<char, 64> bytes;
      const auto count = ::recv(attempt.socket.fd(), bytes.data(),
                                std::min(bytes.size(), handshake.missing()), MSG_DONTWAIT);
      if (count > 0)
        handshake.receive({bytes.data(), static_cast<std::size_t>(count)});
      else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        open = false;
      else if (errno == EAGAIN)
        break;
    }
    std::string& output = handshake.output();
    const ssize_t sent = output.empty() ? 0 : rendezvous::send_some(attempt.socket, output);
    if (sent > 0) output.erase(0, static_cast<std::size_t>(sent));
    if (handshake.state() == Handshake::State::done && output.empty()) return establish(attempt);
    if (handshake.state() == Handshake::State::refused ||
        handshake.state() == Handshake::State::stranger)
      return refuse(attempt);
    if (open && sent >= 0) return !late(attempt);
    if (attempt.ours) try_later(attempt, "the connection was closed");
    return false;
  }

  bool unreachable(Attempt& attempt, int code) {
    // It listened before it gave out its address: it is gone.
    if (code == ECONNREFUSED)
      throw PeerError(static_cast<int>(attempt.about.listener),
                      fmt::format("worker {} is lost: nobody listens at {} any more",
                                  attempt.about.listener, attempt.with));
    try_later(attempt, std::strerror(code));
    return false;
  }

  void try_later(const Attempt& attempt, const std::string& problem) {
    problem_ = fmt::format(": {}: {}", attempt.with, problem);
    again_.push_back(attempt.about);
  }

  bool refuse(const Attempt& attempt) {
    if (attempt.ours)
      throw AuthenticationError(fmt::format("who answers for worker {} at {} is refused: {}",
                                            attempt.about.listener, attempt.with,
                                            attempt.handshake->problem()));
    if (refusals_++ < most_refusals_logged)
      options_.log(fmt::format("worker {} refused a connection from {}: {}", options_.rank,
                               attempt.with, attempt.handshake->problem()));
    return false;
  }

  bool establish(Attempt& attempt) {
    const HandshakeKeys& keys = attempt.handshake->keys();
    const Introduction& about = attempt.handshake->about();
    const std::size_t peer = attempt.ours ? about.listener : about.connector;
    Established& place = result_[peer][about.connection];
    if (place.socket) return false;  // another one was quicker
    if (own_.encrypt) {
      place.sealer.emplace(RecordCipher::Way::seal,
                           attempt.ours ? keys.to_listener : keys.to_connector);
      place.opener.emplace(RecordCipher::Way::open,
                           attempt.ours ? keys.to_connector : keys.to_listener);
    }
    configure(attempt.socket, options_.timeout);
    place.socket = std::move(attempt.socket);
    --missing_;
    return false;
  }

  [[noreturn]] void throw_timeout() const {
    for (int rank = 0; rank < options_.size; ++rank)
      for (const Established& place : result_[rank])
        if (!place.socket)
          throw TimeoutError(rank,
                             fmt::format("worker {} did not connect in time{}", rank, problem_));
    throw TimeoutError(-1, "the workers did not connect in time");
  }

  const TcpOptions& options_;
  const Clock::time_point deadline_;
  std::vector<Socket> listeners_;
  PeerAddress own_;
  std::vector<PeerAddress> peer_addresses_;
  std::vector<std::vector<Established>> result_;
  std::size_t missing_ = 0;
  std::list<Attempt> attempts_;
  std::vector<Introduction> again_;
  std::string problem_;
  int refusals_ = 0;
};

}  // namespace

std::vector<std::vector<Established>> connect_all(const TcpOptions& options) {
  return Connector(options).run();
}

}  // namespace convoy::tcp
