#include "comm/rendezvous/wire.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "core/hmac.hpp"

namespace convoy::rendezvous {
namespace {

std::string little_endian(std::uint64_t value, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

std::uint64_t from_little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string tag(std::string_view key, std::uint64_t number, std::string_view sized_body) {
  return hmac(key, {little_endian(number, 8), sized_body}).substr(0, tag_size);
}

}  // namespace

std::string random_nonce() {
  std::string nonce(nonce_size, '\0');
  // Up to 256 bytes come at once or not at all.
  while (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    if (errno != EINTR) throw IoError(fmt::format("random numbers: {}", std::strerror(errno)));
  }
  return nonce;
}

ConnectionKeys derive_keys(const Secret& secret, std::string_view client_nonce,
                           std::string_view server_nonce) {
  const auto derive = [&](std::string_view role) {
    return hmac(secret.text(), {magic, role, client_nonce, server_nonce});
  };
  return {derive("client proves"), derive("server proves"), derive("client to server"),
          derive("server to client")};
}

std::string Sealer::seal(std::string_view body) {
  std::string message = little_endian(body.size(), 4);
  message.reserve(message.size() + body.size() + tag_size);
  message += body;
  message += tag(key_, number_++, message);
  return message;
}

std::optional<std::string> Opener::next() {
  const std::string_view rest = std::string_view(pending_).substr(begin_);
  if (rest.size() >= 4) {
    const std::size_t size = from_little_endian(rest.substr(0, 4));
    if (size > max_body) throw ProtocolError("a message is too large");
    if (rest.size() >= 4 + size + tag_size) {
      const std::string_view sized_body = rest.substr(0, 4 + size);
      if (!equal(tag(key_, number_++, sized_body), rest.substr(4 + size, tag_size)))
        throw ProtocolError("a message was changed on its way");
      begin_ += 4 + size + tag_size;
      return std::string(sized_body.substr(4));
    }
  }
  pending_.erase(0, begin_);
  begin_ = 0;
  return std::nullopt;
}

BodyWriter& BodyWriter::u8(std::uint8_t value) {
  body_ += static_cast<char>(value);
  return *this;
}

BodyWriter& BodyWriter::u32(std::uint32_t value) {
  body_ += little_endian(value, 4);
  return *this;
}

BodyWriter& BodyWriter::u64(std::uint64_t value) {
  body_ += little_endian(value, 8);
  return *this;
}

BodyWriter& BodyWriter::text(std::string_view value) {
  body_ += little_endian(value.size(), 4);
  body_ += value;
  return *this;
}

BodyWriter& BodyWriter::raw(std::string_view fields) {
  body_ += fields;
  return *this;
}

std::string BodyReader::text() {
  return std::string(take(u32()));
}

std::string_view BodyReader::take(std::size_t size) {
  if (size > rest_.size()) throw ProtocolError("a message is shorter than its fields");
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::uint64_t BodyReader::integer(std::size_t size) {
  return from_little_endian(take(size));
}

}  // namespace convoy::rendezvous
