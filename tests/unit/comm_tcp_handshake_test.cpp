// How the ends of a connection of the transport `tcp` prove to each other who they are: no sockets.
#include <gtest/gtest.h>

#include <utility>

#include "comm/transports/tcp/handshake.hpp"

namespace convoy {
namespace comm_tcp_handshake_test {

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
  a.receive(a.output().substr(0, tcp::challenge_size));  // its own hello
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

}  // namespace comm_tcp_handshake_test
}  // namespace convoy
