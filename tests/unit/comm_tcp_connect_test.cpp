// How connections of the transport `tcp` come about: strangers, attacks, encryption, addresses.
// (The handshake alone: comm_tcp_handshake_test.cpp.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <atomic>

#include "comm/rendezvous/socket.hpp"
#include "comm/transports/tcp/handshake.hpp"
#include "comm/transports/tcp/socket_address.hpp"
#include "comm_tcp_support.hpp"
#include "convoy/core/error.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_tcp_connect_test {

using namespace std::chrono_literals;
using rendezvous::Socket;
using testing::AddressExchange;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::in_threads;
using testing::tcp_options;
using Json = nlohmann::json;

Socket connect_to_port(std::uint16_t port) {
  std::string problem;
  return rendezvous::connect_to({"127.0.0.1", port}, std::chrono::steady_clock::now() + 5s,
                                problem);
}

std::uint16_t port_in(const std::string& address) {
  return Json::parse(address)["at"][0][1];
}

std::string with_port(const std::string& address, std::uint16_t port) {
  Json changed = Json::parse(address);
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
  AddressExchange addresses(2, [&](int reader, int owner, const std::string& address) {
    if (reader != 1 || owner != 0) return address;
    for (int i = 0; i < 150; ++i) {  // more than are listened to at once
      strangers.push_back(connect_to_port(port_in(address)));
      const std::string words[] = {"", "GET / HTTP/1.1\r\n\r\n", std::string(tcp::handshake_magic),
                                   std::string(1000, '\0')};
      rendezvous::send_some(strangers.back(), words[i % 4]);
    }
    return address;
  });
  std::atomic<int> refused{0};
  expect_nothing(in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, addresses);
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
  AddressExchange addresses(2);
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, addresses);
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
  AddressExchange addresses(2);
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, addresses);
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
  AddressExchange addresses(2, [&](int, int owner, const std::string& address) {
    return owner == 0 ? with_port(address, nobody) : address;
  });
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, addresses);
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
  AddressExchange addresses(2);
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, addresses);
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
  // What the one that connected has said, and what it was answered.
  const std::array<std::string, 2>& record() {
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
        record_[i] += bytes;
        rendezvous::send_some(i == 0 ? far : near, bytes);
      }
    }
  }

  std::uint16_t to_;
  Socket listener_;
  std::array<std::string, 2> record_;
  std::thread thread_;
};

// Worker 1 reaches worker 0 through it.
std::string through(std::unique_ptr<Relay>& relay, int reader, int owner,
                    const std::string& address) {
  if (reader != 1 || owner != 0) return address;
  relay = std::make_unique<Relay>(port_in(address));
  return with_port(address, relay->port());
}

TEST(TcpConnect, WhatIsEncryptedCannotBeReadOnTheWay) {
  for (const bool encrypt : {false, true}) {
    std::unique_ptr<Relay> relay;
    AddressExchange addresses(2, [&](int reader, int owner, const std::string& address) {
      return through(relay, reader, owner, address);
    });
    expect_nothing(in_threads(2, [&](int rank) {
      TcpOptions options = tcp_options(rank, 2, addresses);
      options.encrypt = encrypt;
      const auto transport = tcp_transport(options);
      exchange(*transport, 1 - rank);
    }));
    for (const std::string& said : relay->record()) {
      EXPECT_GT(said.size(), 150u);
      EXPECT_EQ(said.find("the payload") == std::string::npos, encrypt);
    }
  }
}

// What the other end says within a few seconds: so many bytes at least, or until it closes.
std::string hear(const Socket& socket, std::size_t count) {
  std::string heard;
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  while (heard.size() < count && rendezvous::wait_for(socket.fd(), POLLIN, deadline)) {
    if (!rendezvous::receive_some(socket, heard)) break;
  }
  return heard;
}

// Somebody who recorded how a worker connected says the same to the next group with that secret,
// before the worker does.
TEST(TcpConnect, AReplayIsRefusedAndTheWorkerComesIn) {
  std::unique_ptr<Relay> relay;
  AddressExchange first(2, [&](int reader, int owner, const std::string& address) {
    return through(relay, reader, owner, address);
  });
  expect_nothing(in_threads(2, [&](int rank) {
    const auto transport = tcp_transport(tcp_options(rank, 2, first));
    exchange(*transport, 1 - rank);
  }));
  const std::size_t proved = tcp::hello_size + 32;
  const std::string recorded = relay->record()[0].substr(0, proved);
  ASSERT_EQ(recorded.size(), proved);

  Socket attacker;
  AddressExchange second(2, [&](int reader, int owner, const std::string& address) {
    if (reader != 1 || owner != 0) return address;
    attacker = connect_to_port(port_in(address));
    EXPECT_EQ(rendezvous::send_some(attacker, recorded), static_cast<ssize_t>(proved));
    return address;
  });
  std::vector<std::string> logged;
  expect_nothing(in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, second);
    options.log = [&](const std::string& line) { logged.push_back(line); };  // by worker 0 alone
    const auto transport = tcp_transport(options);
    exchange(*transport, 1 - rank);
  }));
  EXPECT_THAT(logged, ElementsAre("worker 0 refused a connection from 127.0.0.1: wrong secret"));
  const std::string answer = hear(attacker, tcp::challenge_size + 2);
  EXPECT_EQ(answer.substr(0, tcp::handshake_magic.size()), tcp::handshake_magic);
  EXPECT_EQ(answer.substr(tcp::challenge_size), "R") << "and nothing more";
}

// Somebody in a worker's place sends back what he hears: the nonce, then the proof.
TEST(TcpConnect, AReflectionIsRefused) {
  const Socket mirror = rendezvous::listen_at("127.0.0.1", 0);
  std::thread reflects([&] {
    if (!rendezvous::wait_for(mirror.fd(), POLLIN, std::chrono::steady_clock::now() + 20s)) return;
    const Socket socket(::accept4(mirror.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const std::string hello = hear(socket, tcp::hello_size);
    rendezvous::send_some(socket, hello.substr(0, tcp::challenge_size));
    rendezvous::send_some(socket, "A" + hear(socket, 32));
    hear(socket, 1);  // until it closes
  });
  AddressExchange addresses(2, [&](int reader, int owner, const std::string& address) {
    return reader == 1 && owner == 0 ? with_port(address, rendezvous::port_of(mirror)) : address;
  });
  const auto thrown = in_threads(2, [&](int rank) {
    TcpOptions options = tcp_options(rank, 2, addresses);
    options.timeout = rank == 0 ? 1s : 20s;
    tcp_transport(options);
  });
  reflects.join();
  EXPECT_THAT(message_of<AuthenticationError>([&] { std::rethrow_exception(thrown.at(1)); }),
              HasSubstr("is refused: it does not know the job's secret"));
  EXPECT_THROW(std::rethrow_exception(thrown.at(0)), TimeoutError);
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
