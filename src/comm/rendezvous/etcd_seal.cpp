#include "comm/rendezvous/etcd_seal.hpp"

#include <fmt/format.h>

#include "comm/rendezvous/wire.hpp"
#include "convoy/core/error.hpp"
#include "core/hmac.hpp"

namespace convoy::etcd {
namespace {

using rendezvous::BodyReader;
using rendezvous::BodyWriter;

constexpr std::uint8_t whole = 1;
constexpr std::uint8_t in_pieces = 2;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

std::string end_of(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::string new_name() {
  return hex(rendezvous::random_nonce());
}

Seal::Seal(const Secret& secret, const std::string& job_name)
    : prefix_(fmt::format("convoy/{}/",
                          hex(hmac(secret.text(), {"etcd: keys of ", job_name}).substr(0, 16)))),
      key_(hmac(secret.text(), {"etcd: values of ", job_name})) {}

std::string Seal::pieces_prefix(const std::string& pieces) const {
  return fmt::format("{}p/{}/", prefix_, pieces);
}

std::string Seal::piece(const std::string& pieces, std::uint64_t number) const {
  return pieces_prefix(pieces) + std::to_string(number);
}

std::string Seal::tag(const std::string& name, std::string_view payload) const {
  return hmac(key_, {BodyWriter().text(name).body(), payload});
}

std::string Seal::sealed(const std::string& name, const Head& head) const {
  BodyWriter payload;
  if (head.pieces.empty())
    payload.u8(whole).raw(head.value);
  else
    payload.u8(in_pieces).u64(head.size).raw(head.pieces);
  return tag(name, payload.body()) + payload.body();
}

Head Seal::opened(const std::string& name, std::string_view sealed) const {
  const std::string_view given = sealed.substr(0, hmac_size);
  const std::string_view payload = sealed.substr(given.size());
  if (!equal(given, tag(name, payload)) || payload.empty())
    throw AuthenticationError(
        fmt::format("etcd: the value of '{}' was not written by a worker of this job; who else can "
                    "write to this etcd? (its key there: {})",
                    name.starts_with(prefix_ + "k/") ? key_of(name) : name, name));
  BodyReader fields(payload.substr(0, 9));
  if (fields.u8() == whole) return {std::string(payload.substr(1)), "", 0};
  const std::uint64_t size = fields.u64();
  return {"", std::string(payload.substr(9)), size};
}

}  // namespace convoy::etcd
