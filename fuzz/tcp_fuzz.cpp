// Any bytes on a connection of the transport `tcp`, from a stranger or from a member, come to a
// message that is whole, or to an error; and what the writer made the reader understands.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "comm/transports/tcp/frame.hpp"
#include "comm/transports/tcp/handshake.hpp"

namespace {

using namespace convoy::tcp;

void require(bool holds) {
  if (!holds) std::abort();
}

const std::string key(32, 'k');

std::optional<RecordCipher> cipher(RecordCipher::Way way, bool sealed) {
  if (!sealed) return std::nullopt;
  return RecordCipher(way, key);
}

std::size_t feed(FrameReader& reader, std::string_view bytes) {
  std::size_t taken = 0;
  for (const iovec& part : reader.room(16)) {
    const std::size_t count = std::min(part.iov_len, bytes.size() - taken);
    if (count > 0) std::memcpy(part.iov_base, bytes.data() + taken, count);
    taken += count;
    if (count < part.iov_len) break;
  }
  reader.took(taken);
  return taken;
}

// What a reader does with bytes that come in pieces of `step`.
std::string read_all(FrameReader& reader, std::string_view bytes, std::size_t step) {
  std::string payloads;
  while (true) {
    if (reader.state() == FrameReader::State::header) {
      require(reader.header().length <= max_frame);
      require(reader.header().offset + reader.header().length <= reader.header().size);
      reader.place_here();
    } else if (reader.state() == FrameReader::State::frame) {
      const auto payload = reader.payload();
      payloads.append(reinterpret_cast<const char*>(payload.data()), payload.size());
      reader.next();
    } else if (bytes.empty()) {
      return payloads;
    } else {
      bytes.remove_prefix(feed(reader, bytes.substr(0, step)));
    }
  }
}

void read_anything(std::string_view bytes, bool sealed, std::size_t step) {
  FrameReader reader(cipher(RecordCipher::Way::open, sealed));
  try {
    read_all(reader, bytes, step);
  } catch (const DamagedFrame&) {
  }
}

// A header whose checksum is right: what it says is anything.
void read_any_header(std::string_view bytes, std::size_t step) {
  FrameHeader header;
  std::memcpy(&header, bytes.data(), std::min(bytes.size(), sizeof(header)));
  const HeaderBytes head = encode(header);
  const std::string_view rest = bytes.substr(std::min(bytes.size(), sizeof(header)));
  read_anything(
      std::string(reinterpret_cast<const char*>(head.data()), head.size()) + std::string(rest),
      false, step);
}

// The input is cut into messages; a damaged bit is an error, no other message.
void write_and_read(std::string_view bytes, bool sealed, std::size_t step, bool damages) {
  FrameWriter writer(cipher(RecordCipher::Way::seal, sealed));
  FrameReader reader(cipher(RecordCipher::Way::open, sealed));
  std::string wire;
  std::string sent;
  std::uint64_t number = 0;
  while (!bytes.empty()) {
    const std::size_t size =
        std::min<std::size_t>(static_cast<unsigned char>(bytes[0]), bytes.size() - 1);
    const std::string_view payload = bytes.substr(1, size);
    bytes.remove_prefix(1 + size);
    const auto span = std::as_bytes(std::span(payload.data(), payload.size()));
    const ConstPieces pieces = {span.first(size / 3), span.subspan(size / 3)};
    writer.start({.tag = 1,
                  .length = static_cast<std::uint32_t>(size),
                  .message = number++,
                  .size = size,
                  .offset = 0},
                 pieces);
    while (!writer.done()) {
      const iovec part = writer.parts(3)[0];
      const std::size_t count = std::min(part.iov_len, step);
      wire.append(static_cast<const char*>(part.iov_base), count);
      writer.sent(count);
    }
    sent += payload;
  }
  if (damages && !wire.empty()) {
    wire[wire.size() / 2] = static_cast<char>(wire[wire.size() / 2] ^ 1);
    try {
      require(read_all(reader, wire, step) != sent);
    } catch (const DamagedFrame&) {
    }
  } else {
    require(read_all(reader, wire, step) == sent && !reader.amid());
  }
}

// A stranger does not get through, whichever end it talks to.
void talk(std::string_view bytes, std::size_t step, bool to_listener) {
  const Introduction about{1, 0, 0, false, "one", "zero"};
  ListenerHandshake listener(
      key, [&](const Introduction&) { return about; }, std::string(handshake_nonce_size, 'l'));
  ConnectorHandshake connector(key, about, std::string(handshake_nonce_size, 'c'));
  Handshake& end = to_listener ? static_cast<Handshake&>(listener) : connector;
  while (!bytes.empty() && end.state() == Handshake::State::going) {
    const std::size_t used = end.receive(bytes.substr(0, step));
    require(used > 0);
    bytes.remove_prefix(used);
  }
  require(end.state() != Handshake::State::done);
  require(end.output().size() <= hello_size + challenge_size + 33);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(input) + 2, size - 2);
  const std::size_t step = input[1] + std::size_t{1};
  switch (input[0] % 8) {
    case 0:
      talk(bytes, step, true);
      break;
    case 1:
      talk(bytes, step, false);
      break;
    case 2:
      read_any_header(bytes, step);
      break;
    case 3:
    case 4:
      read_anything(bytes, input[0] % 8 == 4, step);
      break;
    case 5:
      write_and_read(bytes, false, step, true);
      break;
    default:
      write_and_read(bytes, input[0] % 8 == 7, step, false);
  }
  return 0;
}
