// Any bytes that reach the rendezvous server, from strangers or from members of the job, leave it
// working: the connection ends or is answered, and another member is still served.
#include <cstdint>
#include <cstdlib>

#include "comm/rendezvous/server_connection.hpp"

namespace {

using namespace convoy;
using namespace convoy::rendezvous;

void require(bool holds) {
  if (!holds) std::abort();
}

// A member whose handshake is done.
struct Member {
  Member(Table& table, const Secret& secret)
      : connection(table, secret, std::string(nonce_size, 's')),
        keys(derive_keys(secret, std::string(nonce_size, 'c'), std::string(nonce_size, 's'))),
        sealer(keys.to_server),
        opener(keys.to_client) {
    connection.receive(std::string(magic) + std::string(nonce_size, 'c'), now);
    connection.receive(keys.client_proof, now);
    require(connection.authenticated() && !connection.ended());
    require(connection.output() ==
            std::string(magic) + std::string(nonce_size, 's') + accepted + keys.server_proof);
    connection.output().clear();
  }

  void say(std::string_view body) {
    connection.receive(sealer.seal(body), now);
    read();
  }

  // Whatever the server answers is well-formed.
  void read() {
    opener.feed(connection.output());
    connection.output().clear();
    while (const auto body = opener.next()) {
      BodyReader fields(*body);
      fields.u32();
      require(fields.u8() <= static_cast<std::uint8_t>(Answer::failed));
      ++answers;
    }
  }

  ServerConnection::Clock::time_point now{};
  ServerConnection connection;
  ConnectionKeys keys;
  Sealer sealer;
  Opener opener;
  int answers = 0;
};

void talk_as_stranger(Table& table, const Secret& secret, std::string_view bytes) {
  ServerConnection connection(table, secret, std::string(nonce_size, 's'));
  // The first byte decides how the rest is cut into pieces.
  const std::size_t step = bytes.empty() ? 1 : static_cast<unsigned char>(bytes[0]) % 50 + 1;
  for (std::size_t i = 1; i < bytes.size(); i += step)
    connection.receive(bytes.substr(i, step), {});
  require(!connection.authenticated() && table.count() == 0);
  connection.look_again({});
  connection.hang_up();
}

// Bodies as: u8 size, bytes. What the sizes leave over is not sealed.
void talk_as_member(Table& table, const Secret& secret, std::string_view bytes) {
  Member member(table, secret);
  while (bytes.size() > 1 && !member.connection.ended()) {
    const std::size_t size = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    if (size > bytes.size()) {
      member.connection.receive(bytes, member.now);
      break;
    }
    member.say(bytes.substr(0, size));
    bytes.remove_prefix(size);
    member.now += std::chrono::milliseconds(1);
    member.connection.look_again(member.now);
    member.connection.look_at_lease(member.now);
    member.read();
  }
  member.connection.hang_up();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  static const Secret secret("the secret of the fuzz target");
  const std::string_view bytes(reinterpret_cast<const char*>(input) + 1, size - 1);
  Table table;
  if (input[0] % 2 == 0)
    talk_as_stranger(table, secret, bytes);
  else
    talk_as_member(table, secret, bytes);

  Member other(table, secret);
  other.say(BodyWriter().u32(1).u8(1).text("a key of the other").text("value").body());
  other.say(BodyWriter().u32(2).u8(2).text("a key of the other").u64(0).body());
  require(other.answers == 2 && !other.connection.ended());
  return 0;
}
