#include "server/keys.hpp"

#include <openssl/crypto.h>
#include <zmq.h>

#include <array>

#include "convoy/core/error.hpp"
#include "core/hmac.hpp"

namespace convoy::server {
namespace {

constexpr std::size_t z85_size = 40;

}  // namespace

CurveKeys derived_keys(const Secret& secret, std::string_view role) {
  std::string bytes = hmac(secret.text(), {"convoy parameter server, CURVE key of a ", role});
  std::array<char, z85_size + 1> secret_key{};
  std::array<char, z85_size + 1> public_key{};
  zmq_z85_encode(secret_key.data(), reinterpret_cast<const std::uint8_t*>(bytes.data()),
                 bytes.size());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (zmq_curve_public(public_key.data(), secret_key.data()) != 0)
    throw IoError("libzmq was built without CURVE, which parameter servers need");
  CurveKeys keys{public_key.data(), secret_key.data()};
  OPENSSL_cleanse(secret_key.data(), secret_key.size());
  return keys;
}

CurveKeys random_keys() {
  std::array<char, z85_size + 1> secret_key{};
  std::array<char, z85_size + 1> public_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0)
    throw IoError("libzmq was built without CURVE, which parameter servers need");
  CurveKeys keys{public_key.data(), secret_key.data()};
  OPENSSL_cleanse(secret_key.data(), secret_key.size());
  return keys;
}

}  // namespace convoy::server
