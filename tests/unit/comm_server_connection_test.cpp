// The secret, the messages and the state machine of the rendezvous; no sockets.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "comm/rendezvous/server_connection.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "core/temporary_folder.hpp"
#include "rendezvous_support.hpp"

namespace convoy {
namespace comm_server_connection_test {

using namespace std::chrono_literals;
using rendezvous::BodyWriter;
using rendezvous::Opener;
using rendezvous::Operation;
using rendezvous::ProtocolError;
using rendezvous::Sealer;
using rendezvous::ServerConnection;
using rendezvous::Table;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Secret, LengthsAndWhiteSpace) {
  EXPECT_EQ(Secret("0123456789abcdef \n").text(), "0123456789abcdef");
  const std::string text = message_of<InputError>([] { Secret("hunter2", "CONVOY_SECRET"); });
  EXPECT_THAT(text, AllOf(HasSubstr("CONVOY_SECRET has 7 characters"), Not(HasSubstr("hunter2"))));
  EXPECT_THROW(Secret(std::string(5000, 'x')), InputError);
  EXPECT_EQ(Secret::generate().text().size(), 64u);
  EXPECT_NE(Secret::generate().text(), Secret::generate().text());
}

TEST(Secret, FilesAreForTheirOwnerAlone) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "secret";
  make_secret_file(file);
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(Secret::from_file(file).text().size(), 64u);
  EXPECT_THAT(message_of<InputError>([&] { make_secret_file(file); }), HasSubstr("there already"));
  for (const int mode : {0640, 0604, 0660}) {
    ::chmod(file.c_str(), mode);
    EXPECT_THAT(message_of<InputError>([&] { Secret::from_file(file); }), HasSubstr("chmod 600"));
  }
  EXPECT_THROW(Secret::from_file(folder.path()), InputError);
  EXPECT_THROW(Secret::from_file(folder.path() / "none"), InputError);
}

TEST(Secret, FromTheEnvironment) {
  EXPECT_FALSE(Secret::from_environment());
  const TemporaryFolder folder;
  make_secret_file(folder.path() / "secret");
  const Variable file("CONVOY_SECRET_FILE", folder.path() / "secret");
  EXPECT_EQ(Secret::from_environment()->text(), Secret::from_file(folder.path() / "secret").text());
  const Variable text("CONVOY_SECRET", "the text of a secret");
  EXPECT_EQ(Secret::from_environment()->text(), "the text of a secret");
  const int fd = ::memfd_create("secret", 0);
  ASSERT_EQ(::write(fd, "one from a descriptor", 21), 21);
  const Variable descriptor("CONVOY_SECRET_FD", std::to_string(fd));
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(Secret::from_environment()->text(), "one from a descriptor");
  ::close(fd);
  EXPECT_THROW(Secret::from_environment(), InputError);
}

TEST(Endpoint, Text) {
  EXPECT_EQ(parse_endpoint("node-1:29500").host, "node-1");
  EXPECT_EQ(parse_endpoint("node-1:29500").port, 29500);
  EXPECT_EQ(parse_endpoint("[fd00::2]:1").host, "fd00::2");
  EXPECT_EQ(to_string(parse_endpoint("[fd00::2]:1")), "[fd00::2]:1");
  for (const char* wrong : {"", ":1", "node", "node:", "node:0", "node:65536", "node:-1", "node:1x",
                            "fd00::2:1", "[]:1"})
    EXPECT_THROW(parse_endpoint(wrong), InputError) << wrong;
}

TEST(RendezvousWire, MessagesArriveInAnyPieces) {
  Sealer sealer("key");
  Opener opener("key");
  std::string bytes;
  for (const char* body : {"one", "", "three"}) bytes += sealer.seal(body);
  std::vector<std::string> bodies;
  for (const char byte : bytes) {
    opener.feed({&byte, 1});
    while (auto body = opener.next()) bodies.push_back(*body);
  }
  EXPECT_EQ(bodies, (std::vector<std::string>{"one", "", "three"}));
}

TEST(RendezvousWire, EveryChangedBitIsNoticed) {
  const std::string message = Sealer("key").seal("body");
  for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
    std::string changed = message;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    Opener opener("key");
    opener.feed(changed + std::string(64, '\0'));
    try {
      EXPECT_FALSE(opener.next()) << bit;  // the size became larger than what came
    } catch (const ProtocolError&) {
    }
  }
}

TEST(RendezvousWire, ReplayReorderingAndOtherKeysAreNoticed) {
  Sealer sealer("key");
  const std::string first = sealer.seal("first");
  const std::string second = sealer.seal("second");
  const auto opens = [](const std::string& key, const std::string& bytes) {
    Opener opener(key);
    opener.feed(bytes);
    while (opener.next()) {
    }
  };
  EXPECT_NO_THROW(opens("key", first + second));
  EXPECT_THROW(opens("key", first + first), ProtocolError);
  EXPECT_THROW(opens("key", second + first), ProtocolError);
  EXPECT_THROW(opens("other", first), ProtocolError);
}

// A client, and the server's end of its connection, without sockets.
struct Talker {
  explicit Talker(Table& table, const Secret& ours = secret)
      : nonce(rendezvous::random_nonce()), connection(table, secret) {
    connection.receive(std::string(rendezvous::magic) + nonce, now);
    keys =
        rendezvous::derive_keys(ours, nonce, connection.output().substr(rendezvous::magic.size()));
    connection.output().clear();
    connection.receive(keys.client_proof, now);
    sealer.emplace(keys.to_server);
  }
  void ask(Operation operation, const BodyWriter& fields) {
    BodyWriter body;
    body.u32(7).u8(static_cast<std::uint8_t>(operation));
    connection.output().clear();
    connection.receive(sealer->seal(body.body() + fields.body()), now);
  }
  ServerConnection::Clock::time_point now{};
  std::string nonce;
  ServerConnection connection;
  rendezvous::ConnectionKeys keys;
  std::optional<Sealer> sealer;
};

TEST(RendezvousServerConnection, BothSidesProveTheSecret) {
  Table table;
  Talker good(table);
  EXPECT_TRUE(good.connection.authenticated());
  EXPECT_EQ(good.connection.output(), "A" + good.keys.server_proof);
  Talker bad(table, other_secret);
  EXPECT_FALSE(bad.connection.authenticated());
  EXPECT_TRUE(bad.connection.ended());
  EXPECT_EQ(bad.connection.output(), "R");
  EXPECT_EQ(bad.connection.problem(), "wrong secret");
}

TEST(RendezvousServerConnection, NonsenseEndsItAtTheFirstWrongByte) {
  Table table;
  for (const std::string bytes : {"GET / HTTP/1.1\r\n", "C0", "\x16\x03\x01"}) {
    ServerConnection connection(table, secret);
    connection.receive(bytes, {});
    EXPECT_TRUE(connection.ended()) << bytes;
    EXPECT_EQ(connection.output(), "");
    connection.receive(bytes, {});
  }
  ServerConnection version(table, secret);
  version.receive("CONVOYR9", {});
  EXPECT_TRUE(version.ended());
  EXPECT_THAT(version.output(), HasSubstr("CONVOYR2"));
}

TEST(RendezvousServerConnection, WrongMessagesOfAMemberEndIt) {
  Table table;
  Talker replay(table);
  const std::string message = replay.sealer->seal(BodyWriter().u32(1).u8(7).body());
  replay.connection.receive(message, {});
  EXPECT_FALSE(replay.connection.ended());
  replay.connection.receive(message, {});
  EXPECT_TRUE(replay.connection.ended());
  for (const std::string& body : {std::string("\x01"), BodyWriter().u32(1).u8(99).body(),
                                  BodyWriter().u32(1).u8(1).u32(1000).body()}) {
    Talker talker(table);
    talker.connection.receive(talker.sealer->seal(body), {});
    EXPECT_TRUE(talker.connection.ended());
  }
  Talker talker(table);
  talker.ask(Operation::set, BodyWriter().text("").text("value"));
  EXPECT_FALSE(talker.connection.ended()) << "a wrong key is answered";
  EXPECT_EQ(table.count(), 0u);
}

TEST(RendezvousServerConnection, ParkedRequestsAndTheWill) {
  Table table;
  Talker waiter(table), setter(table);
  waiter.ask(Operation::get, BodyWriter().text("key").u64(1000));
  EXPECT_TRUE(waiter.connection.waiting());
  EXPECT_EQ(waiter.connection.deadline(), waiter.now + 1s);
  waiter.connection.look_again(waiter.now);
  EXPECT_EQ(waiter.connection.output(), "");
  setter.ask(Operation::last_will, BodyWriter().text("key").text("value").u64(0).text(""));
  EXPECT_FALSE(setter.connection.look_at_lease(setter.now + 1h));
  setter.connection.hang_up();
  waiter.connection.look_again(waiter.now);
  EXPECT_FALSE(waiter.connection.waiting());
  EXPECT_THAT(waiter.connection.output(), HasSubstr("value"));
  waiter.ask(Operation::get, BodyWriter().text("none").u64(1000));
  waiter.connection.look_again(waiter.now + 1s);
  EXPECT_FALSE(waiter.connection.waiting());
}

TEST(RendezvousServerConnection, SilenceBreaksALease) {
  Table table;
  Talker talker(table);
  talker.ask(Operation::last_will, BodyWriter().text("key").text("ended").u64(500).text("silent"));
  EXPECT_EQ(talker.connection.deadline(), talker.now + 500ms);
  talker.now += 400ms;
  talker.ask(Operation::count, BodyWriter());
  EXPECT_FALSE(talker.connection.look_at_lease(talker.now + 400ms));
  talker.connection.forgive(200ms);
  EXPECT_FALSE(talker.connection.look_at_lease(talker.now + 600ms));
  EXPECT_TRUE(talker.connection.look_at_lease(talker.now + 700ms));
  ASSERT_NE(table.find("key"), nullptr);
  EXPECT_EQ(*table.find("key"), "silent");
  EXPECT_FALSE(talker.connection.ended());
  talker.connection.hang_up();
  EXPECT_EQ(*table.find("key"), "silent");
}

}  // namespace comm_server_connection_test
}  // namespace convoy
