// How connections of the transport `tcp` come about: proofs, strangers, encryption, addresses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>

#include "comm/rendezvous/socket.hpp"
#include "comm/transports/tcp/handshake.hpp"
#include "comm/transports/tcp/socket_address.hpp"
#include "comm_tcp_support.hpp"
#include "convoy/core/error.hpp"

namespace convoy {
namespace comm_tcp_connect_test {

using namespace std::chrono_literals;
using rendezvous::Socket;
using ::testing::AllOf;
using testing::Cards;
using ::testing::HasSubstr;
using testing::in_threads;
using testing::tcp_options;
using Json = nlohmann::json;

// ---- the handshake alone ----

const std::string key(32, 'k');

tcp::Introduction introduction() {
  return {.connector = 1,
          .listener = 0,
          .connection = 2,
          .sealed = false,
          .connector_identity = "one",
          .listener_identity = "zero"};
}

tcp::ListenerHandshake listener(const std::string& group_key, const std::string& nonce,
                                tcp::Introduction about = introduction()) {
  return {group_key,
          [about](const tcp::Introduction& claim) -> std::optional<tcp::Introduction> {
            if (claim.connector != about.connector || claim.connection != about.connection)
              return std::nullopt;
            return about;
          },
          nonce};
}

const std::string nonce_a(32, 'a');
const std::string nonce_b(32, 'b');

// Passes on what each says until both are silent; what the first said.
std::string talk(tcp::Handshake& a, tcp::Handshake& b) {
  std::string said;
  while (!a.output().empty() || !b.output().empty()) {
    said += a.output();
    b.receive(std::exchange(a.output(), {}));
    a.receive(std::exchange(b.output(), {}));
  }
  return said;
}

using State = tcp::Handshake::State;

TEST(TcpHandshake, BothEndsComeToTheSameKeys) {
  tcp::ConnectorHandshake a(key, introduction(), nonce_a);
  auto b = listener(key, nonce_b);
  talk(a, b);
  ASSERT_EQ(a.state(), State::done);
  ASSERT_EQ(b.state(), State::done);
  EXPECT_EQ(a.keys().to_listener, b.keys().to_listener);
  EXPECT_EQ(a.keys().to_connector, b.keys().to_connector);
  EXPECT_NE(a.keys().to_connector, a.keys().to_listener);
  EXPECT_EQ(b.about().connection, 2u);
}

TEST(TcpHandshake, AnotherSecretIsRefusedByBothEnds) {
  tcp::ConnectorHandshake a(std::string(32, 'x'), introduction(), nonce_a);
  auto b = listener(key, nonce_b);
  talk(a, b);
  EXPECT_EQ(b.state(), State::refused);
  EXPECT_EQ(a.state(), State::refused);

  // Whoever accepts anything does not know the secret either.
  tcp::ConnectorHandshake c(key, introduction(), nonce_a);
  c.receive(std::string(tcp::handshake_magic) + nonce_b);
  c.receive("A" + std::string(32, 'z'));
  EXPECT_EQ(c.state(), State::refused);
}

TEST(TcpHandshake, WhatBothKnowOfEachOtherMustAgree) {
  for (const auto& change : {+[](tcp::Introduction& about) { about.listener_identity = "other"; },
                             +[](tcp::Introduction& about) { about.connector_identity = "other"; },
                             +[](tcp::Introduction& about) { about.sealed = true; },
                             +[](tcp::Introduction& about) { about.listener = 7; }}) {
    tcp::Introduction other = introduction();
    change(other);
    tcp::ConnectorHandshake a(key, introduction(), nonce_a);
    auto b = listener(key, nonce_b, other);
    talk(a, b);
    EXPECT_EQ(a.state(), State::refused);
    EXPECT_EQ(b.state(), State::refused);
  }
}

TEST(TcpHandshake, WhatWasSaidOnceIsOfNoUseAgain) {
  tcp::ConnectorHandshake a(key, introduction(), nonce_a);
  auto b = listener(key, nonce_b);
  const std::string said = talk(a, b);
  auto later = listener(key, std::string(32, 'c'));
  later.receive(said);
  EXPECT_EQ(later.state(), State::refused);
}

TEST(TcpHandshake, AReflectionIsRefused) {
  tcp::ConnectorHandshake a(key, introduction(), nonce_a);
  a.receive(a.output().substr(0, tcp::challenge_size));  // its own greeting
  a.output().erase(0, tcp::hello_size);
  a.receive("A" + a.output());  // its own proof
  EXPECT_EQ(a.state(), State::refused);
}

TEST(TcpHandshake, NonsenseInAnyPiecesIsOnlyThat) {
  auto b = listener(key, nonce_b);
  for (int i = 0; i < 100; ++i) b.receive("x");
  EXPECT_EQ(b.state(), State::stranger);
  EXPECT_TRUE(b.output().empty()) << "a stranger is told nothing";
  auto c = listener(key, nonce_b);
  tcp::Introduction unknown = introduction();
  unknown.connector = 9;
  tcp::ConnectorHandshake a(key, unknown, nonce_a);
  talk(a, c);
  EXPECT_EQ(c.state(), State::refused);
}

// ---- connecting ----

Socket connect_to_port(std::uint16_t port) {
  std::string problem;
  return rendezvous::connect_to({"127.0.0.1", port}, std::chrono::steady_clock::now() + 5s,
                                problem);
}

std::uint16_t port_in(const std::string& card) {
  return Json::parse(card)["at"][0][1];
}

std::string with_port(const std::string& card, std::uint16_t port) {
  Json changed = Json::parse(card);
  changed["at"][0][1] = port;
  return changed.dump();
}

void exchange(Transport& transport, int peer) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  const std::string mine = "the payload that somebody may want to read";
  std::string theirs(mine.size(), '\0');
  const auto sent = transport.send(peer, 1, {std::as_bytes(std::span(mine))});
  transport
      .receive(peer, 1, {std::as_writable_bytes(std::span(theirs.data(), theirs.size()))},
               Receive::replace)
      ->wait(deadline);
  sent->wait(deadline);
  EXPECT_EQ(theirs, mine);
}

void expect_nothing(const std::vector<std::exception_ptr>& thrown) {
  for (const auto& one : thrown)
    if (one) std::rethrow_exception(one);
}

TEST(TcpConnect, StrangersAtThePortDisturbNobody) {
  std::vector<Socket> strangers;
  Cards cards(2, [&](int reader, int owner, const std::string& card) {
    if (reader != 1 || owner != 0) return card;
    for (int i = 0; i < 150; ++i) {  // more than are listened to at once
      strangers.push_back(connect_to_port(port_in(card)));
      const std::string words[] = {"", "GET / HTTP/1.1\r\n\r\n", std::string(tcp::handshake_magic),
                                   std::string(1000, '\0')};
      rendezvous::send_some(strangers.back(), words[i % 4]);
    }
    return card;
  });
  std::atomic<int> refused{0};
  expect_nothing(in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, cards);
    options.log = [&](const std::string& line) {
      ++refused;
      EXPECT_THAT(line, HasSubstr("refused a connection from 127.0.0.1: not a Convoy worker"));
    };
    const auto transport = tcp_transport(options);
    exchange(*transport, 1 - rank);
  }));
  EXPECT_LE(refused, 5);
}

TEST(TcpConnect, AWrongSecretIsOneLineWithTheAddress) {
  Cards cards(2);
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, cards);
    options.timeout = 1s;
    if (rank == 1) options.group_key = std::string(32, 'x');
    tcp_transport(options);
  });
  try {
    std::rethrow_exception(thrown[1]);
  } catch (const AuthenticationError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("worker 0 at 127.0.0.1:"), HasSubstr("secret")));
  }
  EXPECT_THROW(std::rethrow_exception(thrown[0]), TimeoutError);
}

TEST(TcpConnect, EndsThatDisagreeAboutEncryptionSaySo) {
  Cards cards(2);
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, cards);
    options.encrypt = rank == 0;
    tcp_transport(options);
  });
  for (const auto& one : thrown) {
    try {
      std::rethrow_exception(one);
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("say launch --encrypt"));
    }
  }
}

TEST(TcpConnect, AMemberThatIsGoneIsNoticedAtOnce) {
  std::uint16_t nobody = 0;
  {
    const Socket socket = rendezvous::listen_at("127.0.0.1", 0);
    nobody = rendezvous::port_of(socket);
  }
  Cards cards(2, [&](int, int owner, const std::string& card) {
    return owner == 0 ? with_port(card, nobody) : card;
  });
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, cards);
    if (rank == 0) options.timeout = 300ms;
    tcp_transport(options);
  });
  try {
    std::rethrow_exception(thrown[1]);
  } catch (const PeerError& error) {
    EXPECT_EQ(error.rank(), 0);
    EXPECT_THAT(error.what(), HasSubstr("worker 0 is lost: nobody listens at 127.0.0.1:"));
  }
}

TEST(TcpConnect, WhoIsNotWantedAnyMoreStopsConnecting) {
  Cards cards(2);
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, cards);
    if (rank == 1) {  // never connects
      options.share(R"({"identity": "x", "at": [["127.0.0.1", 1]], "connections": 1,
                        "encrypt": false})");
      return;
    }
    options.still_wanted = [] { throw PeerError(-1, "another group of workers was called"); };
    tcp_transport(options);
  });
  EXPECT_THROW(std::rethrow_exception(thrown[0]), PeerError);
}

// Stands between two workers and writes down what it passes on.
class Relay {
 public:
  explicit Relay(std::uint16_t to) : to_(to), listener_(rendezvous::listen_at("127.0.0.1", 0)) {
    thread_ = std::thread([this] { pass_on(); });
  }
  ~Relay() { thread_.join(); }
  std::uint16_t port() const { return rendezvous::port_of(listener_); }
  const std::string& record() {
    thread_.join();
    thread_ = std::thread([] {});
    return record_;
  }

 private:
  void pass_on() {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    if (!rendezvous::wait_for(listener_.fd(), POLLIN, deadline)) return;
    const Socket near(::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const Socket far = connect_to_port(to_);
    pollfd ends[] = {{near.fd(), POLLIN, 0}, {far.fd(), POLLIN, 0}};
    while (::poll(ends, 2, 20'000) > 0) {
      for (int i = 0; i < 2; ++i) {
        if (ends[i].revents == 0) continue;
        std::string bytes;
        if (!rendezvous::receive_some(i == 0 ? near : far, bytes)) return;
        record_ += bytes;
        rendezvous::send_some(i == 0 ? far : near, bytes);
      }
    }
  }

  std::uint16_t to_;
  Socket listener_;
  std::string record_;
  std::thread thread_;
};

TEST(TcpConnect, WhatIsEncryptedCannotBeReadOnTheWay) {
  for (const bool encrypt : {false, true}) {
    std::unique_ptr<Relay> relay;
    Cards cards(2, [&](int reader, int owner, const std::string& card) {
      if (reader != 1 || owner != 0) return card;
      relay = std::make_unique<Relay>(port_in(card));
      return with_port(card, relay->port());
    });
    expect_nothing(in_threads(2, [&](int rank) {
      TcpOptions options = tcp_options(rank, 2, cards);
      options.encrypt = encrypt;
      const auto transport = tcp_transport(options);
      exchange(*transport, 1 - rank);
    }));
    const std::string& record = relay->record();
    EXPECT_GT(record.size(), 300u);
    EXPECT_EQ(record.find("the payload") == std::string::npos, encrypt);
  }
}

TEST(TcpConnect, InterfacesAreFoundByNameAndAddress) {
  EXPECT_EQ(tcp::addresses_of({"lo", "127.0.0.2"}),
            (std::vector<std::string>{"127.0.0.1", "127.0.0.2"}));
  try {
    tcp::addresses_of({"nonsense7"});
    FAIL() << "found it";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("--interface nonsense7"), HasSubstr("lo (127.0.0.1)")));
  }
}

}  // namespace comm_tcp_connect_test
}  // namespace convoy
